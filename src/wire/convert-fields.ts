/**
 * How many fields each message has: a field that is known must have its own wire type.
 *
 * Protobuf passes over a known field of another wire type as if it were unknown. A request would
 * then be done with a default in place of what its sender wrote. Fields are numbered from 1 on,
 * without gaps, so their count tells which numbers are known.
 */
import { assert } from '../base/assert.ts'
import { everwrite as pb } from './generated/messages.js'
import { REQUEST_KINDS, type RequestKind } from './message/table.ts'

/** What each answer says of the ring, beside its own fields. */
export const RING_FIELD = 15

interface Generated {
  readonly prototype: object
}

const MESSAGES = pb as unknown as Readonly<Record<string, Generated | undefined>>

/** Requests without fields, whose answers have the short name. */
const QUERIES: ReadonlySet<RequestKind> = new Set<RequestKind>(['topology', 'status'])

function capital(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1)
}

/** The number of fields of the message that has this name in the .proto files. */
export function fieldsOf(name: string): number {
  const message = MESSAGES[capital(name)]
  if (message === undefined) throw new Error(`no message is called ${name}`)
  const count = Object.keys(message.prototype).length
  assert(count < RING_FIELD, `${name} has no field ${RING_FIELD}, which tells of the ring`)
  return count
}

function byKind(nameOf: (kind: RequestKind) => string): Readonly<Record<RequestKind, number>> {
  const kinds = Object.keys(REQUEST_KINDS) as RequestKind[]
  const counts = kinds.map((kind) => [kind, fieldsOf(nameOf(kind))])
  return Object.fromEntries(counts) as Record<RequestKind, number>
}

export const REQUEST_FIELDS: Readonly<Record<RequestKind, number>> = byKind((kind) =>
  QUERIES.has(kind) ? `${kind}Query` : kind,
)
export const REPLY_FIELDS: Readonly<Record<RequestKind, number>> = byKind((kind) =>
  QUERIES.has(kind) ? kind : `${kind}Reply`,
)
