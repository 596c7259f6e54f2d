/** Opens conversations with nodes. */
import type { ClientSettings } from './options.ts'
import type { Dial } from './link.ts'
import type { ClientWorld } from './client.ts'
import { unsent } from './failure.ts'

export function dialer(_settings: ClientSettings, _world: ClientWorld): Dial {
  return () => Promise.reject(unsent('not-connected', 'no wire yet'))
}
