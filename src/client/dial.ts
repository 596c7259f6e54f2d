/**
 * Open a conversation with a node over the wire: connect, shake hands, call.
 *
 * The only file of the client that knows sessions; everything above it sees `Conversation`, so
 * that tests can script one.
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
  return async (address, onEnd) => {
    const connection = await world.network.connect(address, CONNECT_MS_MAX).catch((cause) => {
      throw unreachable(addressLabel(address), cause)
    })
    const session = await connectSession(
      connection,
      world,
      { role: 'client', cluster: settings.cluster, token: settings.token },
      {
        onCall: (call) => {
          call.fail(new OperatingError('kind-unknown', 'a client answers no requests'))
        },
        onEnd,
      },
    )
    return {
      node: session.node as string,
      get isEnded() {
        return session.isEnded
      },
      call: (kind, request, onOutcome) => {
        session.call(kind, request, onOutcome)
      },
      close: () => session.end(new OperatingError('closed', 'the client is done')),
      drop: (reason) => session.drop(reason),
    }
  }
}

function unreachable(label: string, cause: unknown): OperatingError {
  if (isOperatingError(cause)) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  const reason = code === 'ECONNREFUSED' ? 'nobody listens there' : (code ?? message)
  return new OperatingError('not-connected', `${label} cannot be reached (${reason})`, { cause })
}
