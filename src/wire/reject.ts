/**
 * A connection that is not let in, and is told why: a goodbye, and nothing is read from it.
 */
import type { OperatingError } from '../base/errors.ts'
import { HANDSHAKE_FRAME_BYTES_MAX } from '../limits.ts'
import type { Connection } from '../world/network.ts'
import { FramedConnection, type FrameEvents, type WireWorld } from './framed-connection.ts'

const NOBODY: FrameEvents = {
  onFrame: () => undefined,
  onRoom: () => undefined,
  onProgressCheck: () => false,
  onEnd: () => undefined,
}

/** Requires: called in the turn in which the connection was handed out. */
export function reject(connection: Connection, world: WireWorld, reason: OperatingError): void {
  new FramedConnection(connection, 'acceptor', world, HANDSHAKE_FRAME_BYTES_MAX, NOBODY).end(reason)
}
