/**
 * Lets nodes in that have proved an invitation, and gives out invitations.
 *
 *     proved ─► claimed for this joiner ─► introduced ─► answered: the sealed keys, the members
 *
 * An answer may be lost. The same joiner asks again, on another connection, and gets the same
 * answer; any other finds the invitation used.
 *
 * Invariant: nothing else hands out the cluster keys, but to members (`cluster-keys.ts`).
 */
import { assert } from '../../base/assert.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import { keyRingBytes } from '../../dynamo/membership/key-ring.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { bucketChanges } from '../../dynamo/ring/placement.ts'
import { INVITATION_MS } from '../../limits.ts'
import { bytesOfReply } from '../../wire/convert.ts'
import { formatUnsupported } from '../../wire/handshake-steps.ts'
import { invitationLabel, invitationText } from '../../wire/invitation.ts'
import { toldToJoiner } from '../../wire/key-seal.ts'
import type { InviteReply, JoinerFacts, PeerJoin } from '../../wire/message/join.ts'
import { FORMAT } from '../../wire/message/session.ts'
import { NONCE_BYTES } from '../../wire/proof.ts'
import type { IncomingCallOf, JoinFacts, Session } from '../../wire/session.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import type { HeldKeys } from '../cluster/held-keys.ts'
import type { Introducer } from '../cluster/introducer.ts'
import type { Invitations } from '../cluster/invitations.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { Topology } from '../cluster/topology.ts'
import { isOpenToStrangers } from './refuse-insecure.ts'

export interface JoinRequestsDependencies {
  readonly config: Pick<Config, 'clientListen' | 'clientToken'>
  readonly held: Pick<HeldKeys, 'ring'>
  readonly entropy: Entropy
  readonly topology: Topology
  readonly invitations: Invitations
  readonly introducer: Introducer
  readonly standing: Pick<OwnStanding, 'placement'>
  readonly trace: Trace
}

/** One joiner that asks. */
interface Asking {
  readonly id: NodeId
  readonly join: JoinFacts
}

export class JoinRequests {
  readonly #node: JoinRequestsDependencies

  constructor(dependencies: JoinRequestsDependencies) {
    this.#node = dependencies
  }

  /** Throws `bind-insecure` or `invitations-full`. */
  invite(): InviteReply {
    const { config, topology, invitations, trace } = this.#node
    if (isOpenToStrangers(config)) {
      throw new OperatingError(
        'bind-insecure',
        `clients reach ${config.clientListen.host} without a token, so this node gives out no` +
          ' invitations: a stranger would get the cluster key; set client-token-file',
      )
    }
    const { id: issuer, host, peerPort } = topology.self
    const { id, secret } = invitations.issue()
    trace.record('invitation-issued', { invitation: invitationLabel(id) })
    const address = { host, port: peerPort }
    const { cluster } = topology
    const invitation = invitationText({ id, secret, cluster, issuer, address })
    return { invitation, node: issuer, validMs: INVITATION_MS }
  }

  join(call: IncomingCallOf<'peerJoin'>, { node: id, join }: Session): void {
    assert(id !== undefined && join !== undefined, 'only joiners may ask it')
    const asking = { id, join }
    perform(
      () => this.#letIn(call, asking),
      (result) => {
        if (isFailure(result)) call.fail(result)
      },
    )
  }

  async #letIn(call: IncomingCallOf<'peerJoin'>, { id, join }: Asking): Promise<void> {
    const { held, entropy, standing, trace } = this.#node
    const { invitation, seal } = join
    this.#checkAlike(call.request)
    const records = await this.#introduce(call.request.facts, { id, join })
    const told = { records, placement: JSON.stringify(standing.placement) }
    // Read after the joiner is a member: so it has every key that one which knows it not can have.
    const keys = keyRingBytes(held.ring)
    const sealed = seal.seal(keys, entropy.bytes(NONCE_BYTES), toldToJoiner(id, told))
    const reply = { ...told, ...sealed }
    await call.room.reserve(bytesOfReply('peerJoin', reply))
    const { name } = call.request.facts
    trace.record('joiner-let-in', { node: id, name, invitation: invitationLabel(invitation) })
    call.answer(reply)
  }

  /** Where the joiner is certainly not let in, another may use the invitation. */
  async #introduce(facts: JoinerFacts, { id, join }: Asking): Promise<readonly Uint8Array[]> {
    const { invitations, introducer } = this.#node
    invitations.claim(join.invitation, id)
    try {
      const records = await introducer.introduce({ id, ...facts })
      invitations.use(join.invitation)
      return records
    } catch (error) {
      const isRefused = isOperatingError(error) && error.certainty === 'refused'
      if (isRefused) invitations.release(join.invitation, id)
      throw error
    }
  }

  /** Throws `format-unsupported` or `ring-differs`. */
  #checkAlike({ format, partitions, n, buckets }: PeerJoin): void {
    if (format !== FORMAT) throw formatUnsupported(format, format)
    const own = this.#node.standing.placement
    if (partitions !== 0 && partitions !== own.partitions) {
      throw new OperatingError(
        'ring-differs',
        `this cluster has ${own.partitions} partitions, and the joiner is configured for` +
          ` ${partitions}: set partitions = ${own.partitions} there, or leave it out`,
      )
    }
    if (n !== 0 && n !== own.n) {
      throw new OperatingError(
        'ring-differs',
        `this cluster keeps ${own.n} copies of a key, and the joiner is configured for ${n}: set` +
          ` n = ${own.n} there, or leave it out`,
      )
    }
    const theirs = Object.fromEntries(buckets.map((one) => [one.name, one.n]))
    const [other] = bucketChanges(own, { ...own, buckets: theirs })
    if (other === undefined) return
    throw new OperatingError(
      'ring-differs',
      `this cluster keeps ${other.was} copies of keys in the bucket ${other.name}, and the joiner` +
        ` is configured for ${other.is}: give it the same [[buckets]]`,
    )
  }
}
