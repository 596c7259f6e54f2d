/**
 * A client that knows only the protocol, and one node: it puts there, owner or not, and the node
 * reads for it what the put replaces; or it asks for an invitation.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import { keyName } from '../../dynamo/names.ts'
import { connectSession } from '../../wire/handshake.ts'
import type { PutReply } from '../../wire/message/client.ts'
import type { Address } from '../../world/network.ts'
import type { Session } from '../../wire/session.ts'
import type { World } from '../../world/world.ts'

const INVITE_MS = 1_000

export interface ThinPut {
  readonly bucket: string
  readonly key: string
  readonly value: string
  readonly requestId: Uint8Array
}

/** Rejects with what the node answers, or where it does not within `timeoutMs`. */
export async function putThin(
  world: World,
  address: Address,
  put: ThinPut,
  timeoutMs: number,
): Promise<PutReply> {
  let isLate = false
  const late = new Promise<never>((_, reject) => {
    world.clock.after(timeoutMs, () => {
      isLate = true
      reject(new OperatingError('connection-lost', 'the node did not answer in time'))
    })
  })
  const asked = async (): Promise<PutReply> => {
    const session = await connected(world, address, timeoutMs)
    try {
      return await (isLate ? late : ask(session, put, timeoutMs))
    } finally {
      session.end(new OperatingError('closed', 'the put has its answer'))
    }
  }
  return Promise.race([asked(), late])
}

/** The text of an invitation. Rejects with what the node answers, or where it does not. */
export async function invitationOf(world: World, address: Address): Promise<string> {
  const session = await connected(world, address, INVITE_MS)
  try {
    return await new Promise<string>((resolve, reject) => {
      session.call('invite', { deadlineMs: INVITE_MS }, (answer) => {
        if (answer instanceof OperatingError) reject(answer)
        else resolve(answer.invitation)
      })
    })
  } finally {
    session.end(new OperatingError('closed', 'the invitation is here'))
  }
}

async function connected(world: World, address: Address, timeoutMs: number): Promise<Session> {
  const hello = { role: 'client', cluster: '' } as const
  const events = { onCall: () => undefined, onEnd: () => undefined }
  try {
    const connection = await world.network.connect(address, timeoutMs)
    return await connectSession(connection, world, hello, events)
  } catch (error) {
    throw new OperatingError('not-connected', 'the node cannot be reached', { cause: error })
  }
}

function ask(session: Session, put: ThinPut, deadlineMs: number): Promise<PutReply> {
  const { bucket, key, value, requestId } = put
  const request = {
    name: keyName(bucket, key),
    contexts: [],
    value: utf8Bytes(value),
    requestId,
    isRepeat: false,
    strict: false,
    w: 0,
    r: 0,
    deadlineMs,
    replace: 'seen',
  } as const
  return new Promise((resolve, reject) => {
    session.call('put', request, (answer) => {
      if (answer instanceof OperatingError) reject(answer)
      else resolve(answer)
    })
  })
}
