/** Refuses a configuration by which strangers could read and write. */
import { OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/

/** Fails with `bind-insecure` where clients beyond this machine need no token. */
export function refuseInsecure(config: Config): void {
  const isOpen = !LOOPBACK.test(config.clientListen.host) && config.clientToken === undefined
  if (!isOpen || config.isInsecure) return
  throw new OperatingError(
    'bind-insecure',
    `clients could reach ${config.clientListen.host} without a token: set client-token-file, ` +
      'listen on 127.0.0.1, or lift this with --insecure',
  )
}
