/**
 * Dial a node: connect to its address, do the handshake, return the session.
 *
 * A connection is closed as soon as its handshake failed or its session has ended. The last frame,
 * the goodbye, arrives if the system has taken it.
 * Why not: let the wire close it. It waits up to 5 s for the other side to close, which a server
 * can afford; a program that has closed its client would wait with it.
 */
import { isOperatingError, OperatingError } from '../base/errors.ts'
import { connectSession } from '../wire/handshake.ts'
import type { World } from '../world/world.ts'
import { addressLabel } from '../world/network.ts'
import type { Dial } from './link.ts'
import type { ClientSettings } from './options.ts'

const CONNECT_MS_MAX = 2_000

export function dialer(
  settings: Pick<ClientSettings, 'cluster' | 'token'>,
  world: Pick<World, 'clock' | 'network' | 'entropy' | 'trace'>,
): Dial {
  return async (address, onEnd, signal) => {
    const connection = await world.network
      .connect(address, CONNECT_MS_MAX, signal)
      .catch((cause: unknown) => {
        throw unreachable(addressLabel(address), cause)
      })
    const close = (): void => connection.destroy()
    signal.addEventListener('abort', close)
    if (signal.aborted) close()
    try {
      return await connectSession(
        connection,
        world,
        { role: 'client', cluster: settings.cluster, token: settings.token },
        {
          onCall: (call) => {
            call.fail(new OperatingError('kind-unknown', 'a client answers no requests'))
          },
          onEnd: (reason) => {
            close()
            onEnd(reason)
          },
        },
      )
    } catch (error) {
      close()
      throw error
    } finally {
      signal.removeEventListener('abort', close)
    }
  }
}

function unreachable(label: string, cause: unknown): OperatingError {
  if (isOperatingError(cause)) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  const reason = code === 'ECONNREFUSED' ? 'the connection was refused' : (code ?? message)
  return new OperatingError('not-connected', `${label} cannot be reached (${reason})`, { cause })
}
