/** Handshakes with a side that a test writes by hand. */
import { isOperatingError } from '../../src/base/errors.ts'
import { encodeControl } from '../../src/wire/convert.ts'
import { type AcceptOptions, acceptSession } from '../../src/wire/handshake.ts'
import { identityOnly } from '../../src/wire/handshake-steps.ts'
import { CONTROL_KINDS, type Hello, type Identity } from '../../src/wire/message/session.ts'
import { proofKeyOf } from '../../src/wire/proof.ts'
import {
  bytesOf,
  CLUSTER_KEY,
  frameOf,
  type GotFrame,
  helloBytes,
  NODE_A,
  RawEnd,
  RecordedEvents,
} from './wire-frames.ts'
import { WirePipeWorld, wirePipe } from './wire-pipe.ts'

const none = new Uint8Array(0)

/** The fields of a Hello of a peer. */
export const AS_PEER = { role: 'peer' } as const
/** The key of the proofs of peers. */
export const PEER_KEY: Uint8Array = proofKeyOf('peer', CLUSTER_KEY)

export const token = (text: string): { token: Uint8Array } => ({
  token: new TextEncoder().encode(text),
})

export const hello = (change: Partial<Hello> = {}): Uint8Array =>
  frameOf(CONTROL_KINDS.hello, 0, helloBytes(change))

export const proof = (bytes: Uint8Array): Uint8Array =>
  frameOf(CONTROL_KINDS.proof, 0, bytesOf(encodeControl('proof', bytes)))

/** The identity of node A, with the fields of `change`. */
export function identity(change: Partial<Identity> = {}): Uint8Array {
  const nodeA = identityOnly({ cluster: 'shop', node: NODE_A })
  const body = bytesOf(encodeControl('identity', { ...nodeA, ...change }))
  return frameOf(CONTROL_KINDS.identity, 0, body)
}

/** `open`, or the code with which the promise rejects. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'open'
  } catch (error) {
    return isOperatingError(error) ? error.code : String(error)
  }
}

/** What an acceptor sends to one Hello, and to what `answer` makes of it. */
export async function dialogue(
  accept: AcceptOptions,
  change: Partial<Hello>,
  answer: (welcome: Uint8Array, proof: Uint8Array) => readonly Uint8Array[],
): Promise<{ readonly code: string; readonly sent: readonly GotFrame[] }> {
  const world = new WirePipeWorld()
  const [near, far] = wirePipe(world)
  const raw = new RawEnd(near)
  const outcome = outcomeOf(acceptSession(far, world, accept, new RecordedEvents()))
  near.write(hello(change))
  await world.untilIdle()
  const before = raw.take()
  const [welcome, theirs] = before.map(({ body }) => body)
  for (const frame of answer(welcome ?? none, theirs ?? none)) near.write(frame)
  await world.untilIdle()
  return { code: await outcome, sent: [...before, ...raw.take()] }
}
