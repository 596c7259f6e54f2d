/**
 * Refuse a connection before its handshake: send a goodbye with the reason and close.
 */
import type { OperatingError } from '../base/errors.ts'
import { HANDSHAKE_FRAME_BYTES_MAX } from '../limits.ts'
import type { Connection } from '../world/network.ts'
import { FramedConnection, type FrameEvents, type WireWorld } from './framed-connection.ts'

const NO_EVENTS: FrameEvents = {
  onFrame: () => undefined,
  onLeft: () => undefined,
  onProgressCheck: () => false,
  onEnd: () => undefined,
}

/** Requires: called in the turn in which the connection was handed out. */
export function reject(connection: Connection, world: WireWorld, reason: OperatingError): void {
  new FramedConnection(connection, 'acceptor', world, HANDSHAKE_FRAME_BYTES_MAX, NO_EVENTS).end(
    reason,
  )
}
