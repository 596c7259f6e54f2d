/** Has a node issue an invitation, with which one new node may join. */
import type { Core } from './bucket.ts'
import { addressLabel } from '../world/network.ts'
import { type Checks, optionsCheck, TEXT } from './check-options.ts'
import type { MemberLabel } from './explanation.ts'
import { linkAt } from './operator.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import { memberOf } from './ranges.ts'

export interface InviteOptions extends CallOptions {
  /** The address of a seed or a member, for clients: the node that issues it. By default any. */
  readonly at?: string | undefined
}

export interface IssuedInvitation {
  /** One line of text. It is a secret: with it a node gets the cluster key. */
  readonly invitation: string
  /** The node that issued it, and alone takes it. */
  readonly issuer: MemberLabel
  /** Where the new node reaches the issuer: `host:port`. */
  readonly address: string
  readonly validMs: number
}

const CHECKS: Checks<InviteOptions> = { ...CALL_CHECKS, at: TEXT }
const checkInvite = optionsCheck<InviteOptions>('invite', CHECKS)

export async function askInvitation(
  core: Core,
  options: InviteOptions | undefined,
): Promise<IssuedInvitation> {
  checkInvite(options)
  const { at, signal, timeout } = options ?? {}
  const only = at === undefined ? undefined : linkAt(core, at)
  const request = (deadlineMs: number) => ({ deadlineMs })
  const plan = { kind: 'invite', isWrite: false, only, request } as const
  const { invitation, node, validMs } = await core.calls.run(plan, { signal, timeout })
  const member = core.pool.routes?.ring.member(node)
  const address =
    member === undefined ? '' : addressLabel({ host: member.host, port: member.peerPort })
  return { invitation, issuer: memberOf(core.pool, node), address, validMs }
}
