/** Dial a node: connect to its address, do the handshake, return the session. */
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
    return connectSession(
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
  }
}

function unreachable(label: string, cause: unknown): OperatingError {
  if (isOperatingError(cause)) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  const reason = code === 'ECONNREFUSED' ? 'the connection was refused' : (code ?? message)
  return new OperatingError('not-connected', `${label} cannot be reached (${reason})`, { cause })
}
