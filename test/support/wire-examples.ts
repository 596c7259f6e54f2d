/**
 * One example of every message: what protocol/README.md shows byte by byte, and what tests send.
 *
 * The page and this file are held together by test/golden/wire.test.ts.
 */
import {
  type Body,
  type Control,
  type ControlName,
  decodeControl,
  decodeReply,
  decodeRequest,
  encodeControl,
  encodeReply,
  encodeRequest,
} from '../../src/wire/convert.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY } from '../../src/wire/message/session.ts'
import { REQUEST_KINDS, type RequestKind } from '../../src/wire/message/table.ts'
import { HANDSHAKE } from './handshake-examples.ts'
import { REPLIES } from './wire-replies.ts'
import { REQUESTS } from './wire-requests.ts'

export interface Example {
  /** As the page calls it: `Put`, `PutReply`. */
  readonly title: string
  readonly kind: number
  readonly callId: number
  readonly encode: () => Body
  /** What these bytes say, and what the example is. */
  readonly decode: (bytes: Uint8Array) => unknown
  readonly message: unknown
}

export const CONTROLS: { readonly [N in ControlName]: Control<N> } = {
  ...HANDSHAKE,
  goodbye: {
    code: 'node-stopping',
    message: 'this node is stopping: use another',
    certainty: 'refused',
    lastTaken: 7,
  },
  length: { kind: REQUEST_KINDS.put, bytes: 8_388_725 },
  cancel: undefined,
  ping: undefined,
  pong: 1_764_288_000_123,
  credit: { bytes: 1_048_576, isAnswer: true },
  failure: {
    code: 'write-in-doubt',
    message: '1 of 2 machines answered in time',
    certainty: 'in-doubt',
    details: {
      needed: 2,
      answered: 1,
      nodes: [{ node: 'bb'.repeat(8), code: 'deadline-passed' }],
    },
  },
}

const capital = (name: string): string => name[0]?.toUpperCase() + name.slice(1)

/** Answers have the title of their message in the .proto files. */
const REPLY_TITLES: Readonly<Partial<Record<RequestKind, string>>> = {
  topology: 'Topology',
  status: 'Status',
}
const REQUEST_TITLES: Readonly<Partial<Record<RequestKind, string>>> = {
  topology: 'TopologyQuery',
  status: 'StatusQuery',
}

const OF_CALLS: ReadonlySet<ControlName> = new Set(['failure', 'credit', 'length', 'cancel'])

function controlExample(name: ControlName): Example {
  const kind = name === 'failure' ? FAILURE_KIND : CONTROL_KINDS[name]
  return {
    title: capital(name),
    kind,
    callId: OF_CALLS.has(name) ? 7 : 0,
    encode: () => encodeControl(name, CONTROLS[name]),
    decode: (bytes) => decodeControl(name, bytes, 0, bytes.length),
    message: CONTROLS[name],
  }
}

function requestExample<K extends RequestKind>(kind: K): Example {
  return {
    title: REQUEST_TITLES[kind] ?? capital(kind),
    kind: REQUEST_KINDS[kind],
    callId: 7,
    encode: () => encodeRequest(kind, REQUESTS[kind]),
    decode: (bytes) => decodeRequest(kind, bytes, 0, bytes.length),
    message: REQUESTS[kind],
  }
}

function replyExample<K extends RequestKind>(kind: K): Example {
  return {
    title: REPLY_TITLES[kind] ?? `${capital(kind)}Reply`,
    kind: REQUEST_KINDS[kind] + REPLY,
    callId: 7,
    encode: () => encodeReply(kind, REPLIES[kind]),
    decode: (bytes) => decodeReply(kind, bytes, 0, bytes.length),
    message: REPLIES[kind],
  }
}

const KINDS = Object.keys(REQUEST_KINDS) as RequestKind[]

/** In the order of the page: the conversation, then each request and its answer. */
export const EXAMPLES: readonly Example[] = [
  ...(Object.keys(CONTROLS) as ControlName[]).map(controlExample),
  ...KINDS.flatMap((kind) => [requestExample(kind), replyExample(kind)]),
]
