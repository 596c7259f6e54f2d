/**
 * The invitations that this node has issued: which may be proved, and which joiner has used each.
 *
 *     issued ──(claim)──► claimed by one joiner ──(use)──► used by it
 *        │        ◄──(release: it was refused)──┘             │
 *        └──────────── ten minutes ──────► ended ◄────────────┘
 *
 * One joiner may use an invitation, and ask again until the invitation ends: an answer may be lost
 * on the way. Ended ones are remembered for a while, without their secrets, to tell why they are
 * refused.
 *
 * Invariant: in memory alone. After a restart no earlier invitation is accepted, so that none is
 * ever used by two joiners, and no secret is on this node's disk.
 */
import { OperatingError } from '../../base/errors.ts'
import { type NodeId, ID_BYTES } from '../../dynamo/names.ts'
import { INVITATION_MS, INVITATIONS_MAX } from '../../limits.ts'
import {
  INVITATION_SECRET_BYTES,
  type InvitationId,
  invitationIdOf,
  invitationWrong,
  type ProvedInvitation,
} from '../../wire/invitation.ts'
import type { Clock } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'

interface Open {
  readonly secret: Uint8Array
  readonly endsAt: number
  /** Undefined: any joiner may use it. */
  joiner: NodeId | undefined
  isUsed: boolean
}

type End = 'used' | 'expired'

const REASONS: Readonly<Record<End, string>> = {
  used: 'the invitation was used by another node: ask for one more (everwrite cluster invite)',
  expired:
    `the invitation has expired: it was valid for ${INVITATION_MS / 60_000} minutes; ask for` +
    ' another (everwrite cluster invite)',
}

const FOREIGN =
  'this node has issued no such invitation: join at the node that issued it; if that has' +
  ' restarted since, ask for another (everwrite cluster invite)'

export class Invitations {
  readonly #clock: Clock
  readonly #entropy: Entropy
  readonly #open = new Map<InvitationId, Open>()
  readonly #ended = new Map<InvitationId, End>()

  constructor(clock: Clock, entropy: Entropy) {
    this.#clock = clock
    this.#entropy = entropy
  }

  /** Those that no joiner has used. */
  get unused(): number {
    this.#endExpired()
    let count = 0
    for (const { joiner } of this.#open.values()) if (joiner === undefined) count += 1
    return count
  }

  /** Throws `invitations-full`. */
  issue(): ProvedInvitation {
    if (this.unused >= INVITATIONS_MAX) {
      throw new OperatingError(
        'invitations-full',
        `this node has ${INVITATIONS_MAX} invitations that were not used yet: use those, wait` +
          ' until they expire, or ask another node',
      )
    }
    const id = invitationIdOf(this.#entropy.bytes(ID_BYTES))
    const secret = this.#entropy.bytes(INVITATION_SECRET_BYTES)
    const endsAt = this.#clock.now() + INVITATION_MS
    this.#open.set(id, { secret, endsAt, joiner: undefined, isUsed: false })
    if (this.#open.size > 2 * INVITATIONS_MAX) this.#endOldestClaimed()
    return { id, secret }
  }

  /** The secret of an invitation that may be proved now. Throws `invitation-wrong`: it says why. */
  secretOf(id: InvitationId): Uint8Array {
    return this.#openOf(id).secret
  }

  /** Whether the joiner may use the invitation; why not, if so. */
  refusalOf(id: InvitationId, joiner: NodeId): OperatingError | undefined {
    this.#endExpired()
    const open = this.#open.get(id)
    if (open === undefined) return this.#notOpen(id)
    const isOpen = open.joiner === undefined || open.joiner === joiner
    return isOpen ? undefined : invitationWrong(REASONS.used)
  }

  /** Keeps the invitation for this joiner alone. Throws `invitation-wrong`. */
  claim(id: InvitationId, joiner: NodeId): void {
    const open = this.#openOf(id)
    if (open.joiner !== undefined && open.joiner !== joiner) throw invitationWrong(REASONS.used)
    open.joiner = joiner
  }

  /** The joiner that claimed it was refused: any may use it, unless that one was let in before. */
  release(id: InvitationId, joiner: NodeId): void {
    const open = this.#open.get(id)
    if (open?.joiner === joiner && !open.isUsed) open.joiner = undefined
  }

  /** The joiner that claimed it has been let in: no other may use it. */
  use(id: InvitationId): void {
    const open = this.#open.get(id)
    if (open !== undefined) open.isUsed = true
  }

  #openOf(id: InvitationId): Open {
    this.#endExpired()
    const open = this.#open.get(id)
    if (open === undefined) throw this.#notOpen(id)
    return open
  }

  #notOpen(id: InvitationId): OperatingError {
    const end = this.#ended.get(id)
    return invitationWrong(end === undefined ? FOREIGN : REASONS[end])
  }

  #endExpired(): void {
    const now = this.#clock.now()
    for (const [id, { endsAt }] of this.#open) {
      if (endsAt > now) return
      this.#end(id)
    }
  }

  #endOldestClaimed(): void {
    for (const [id, { joiner }] of this.#open) if (joiner !== undefined) return this.#end(id)
  }

  #end(id: InvitationId): void {
    const open = this.#open.get(id)
    this.#open.delete(id)
    open?.secret.fill(0)
    this.#ended.set(id, open?.isUsed === true ? 'used' : 'expired')
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= INVITATIONS_MAX) break
      this.#ended.delete(oldest)
    }
  }
}
