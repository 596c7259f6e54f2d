/**
 * `everwrite serve --join ADDRESS --invitation FILE`: lets a new node into a cluster, before it
 * starts. A node that has joined goes on without asking, so that a service may keep the options.
 */
import { OperatingError } from '../../base/errors.ts'
import type { MemberConfig } from '../../config.ts'
import type { Address } from '../../world/network.ts'
import { misuse } from '../outcome.ts'
import { addressOf } from '../settings/faults.ts'
import { readInvitationFile } from '../settings/key-file.ts'
import type { NodeSettings } from '../settings/settings.ts'

export interface JoinOptions {
  /** Of the node that issued the invitation, for nodes. */
  readonly address: Address
  readonly invitationFile: string
}

/** Undefined where neither option is given. Throws `input-wrong`. */
export function joinOptionsOf(
  address: string | undefined,
  invitationFile: string | undefined,
): JoinOptions | undefined {
  if (address === undefined && invitationFile === undefined) return undefined
  if (address === undefined || invitationFile === undefined) {
    throw misuse('--join and --invitation go together: give the address of the issuer and the file')
  }
  const parsed = addressOf(address)
  if (parsed !== undefined && parsed.port > 0) return { address: parsed, invitationFile }
  throw misuse(`--join is host:port, such as 10.0.0.1:7500, not ${JSON.stringify(address)}`)
}

/** Whether the node has joined now, so that its configuration is to be read again. */
export async function joinFirst(
  { config, isJoiner, hasJoined, partitions, n }: NodeSettings,
  options: JoinOptions | undefined,
  tell: (sentence: string) => void,
): Promise<boolean> {
  const { cluster, name, directory, members, engine, buckets } = config
  if (!isJoiner || hasJoined) {
    if (options !== undefined) tell(`${name} is a member of ${cluster} already: it starts as such`)
    return false
  }
  if (engine === 'memory') {
    throw new OperatingError(
      'config-wrong',
      'a node whose engine is memory cannot join: it has no' +
        ' data directory to keep its id and the cluster key in',
    )
  }
  if (options === undefined) {
    throw new OperatingError(
      'not-a-member',
      `${name} has begun to join ${cluster} and was not let in: start it with --join and` +
        ' --invitation',
    )
  }
  const { hostWorld } = await import('../../host/world.ts')
  const { joinCluster } = await import('../../node/cluster/join.ts')
  const { address, invitationFile } = options
  const own = members.find((member) => member.name === name) as MemberConfig
  const { host, clientPort, peerPort, machine, zone, weight } = own
  const facts = { name, host, clientPort, peerPort, machine, zone, weight }
  const invitation = readInvitationFile(invitationFile)
  const joined = await joinCluster(
    { address, invitation, cluster, facts, partitions, n, buckets, directory },
    hostWorld({ traceLevel: 'silent' }),
  )
  tell(`${name} has joined ${cluster} as member ${joined.node}`)
  return true
}
