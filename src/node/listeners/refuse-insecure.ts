/** Refuses a configuration by which strangers could read and write. */
import { OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/

/** Whether clients beyond this machine need no token. */
export function isOpenToStrangers({
  clientListen,
  clientToken,
}: Pick<Config, 'clientListen' | 'clientToken'>): boolean {
  return !LOOPBACK.test(clientListen.host) && clientToken === undefined
}

/** Fails with `bind-insecure` where clients beyond this machine need no token. */
export function refuseInsecure(config: Config): void {
  if (!isOpenToStrangers(config) || config.isInsecure) return
  throw new OperatingError(
    'bind-insecure',
    `clients could reach ${config.clientListen.host} without a token: set client-token-file, ` +
      'listen on 127.0.0.1, or lift this with --insecure',
  )
}
