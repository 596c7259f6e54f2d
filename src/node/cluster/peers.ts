/**
 * The connections to the other members: calls over them, and which members can be used.
 *
 * Each node connects to every other member and asks its questions there; it answers on the
 * connections that others opened to it (`listeners/`). A member whose connection is down, or that
 * is silent on it, is avoided: see `dynamo/membership/avoidance.ts`.
 */
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Room } from '../../base/room.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Member } from '../../dynamo/ring/ring.ts'
import { CALLS_PER_CONNECTION_MAX } from '../../limits.ts'
import type { KeySeal } from '../../wire/key-seal.ts'
import type { Request, RequestKind } from '../../wire/message/table.ts'
import type { Answer, Session } from '../../wire/session.ts'
import { type LinkEvents, nodeStopping, PeerLink, type PeersOptions } from './peer-link.ts'

/** Clocks that differ by more are told: request ids and times for people come from them. */
const CLOCK_AHEAD_MS_MAX = 2_000

const NONE = (): undefined => undefined
const UNHEARD: LinkEvents = {
  ...{ onConnected: NONE, onClosed: NONE, onAsked: NONE, onAnswered: NONE, onGivenUp: NONE },
  isAvoided: () => false,
  slownessOf: () => 0,
}

export class Peers {
  readonly #options: PeersOptions
  readonly #links = new Map<NodeId, PeerLink>()
  /** Of the links that are opened from then on. */
  events: LinkEvents = UNHEARD
  /** A member has refused a call since it knows other owners. */
  onRingDiffers: (node: NodeId) => void = NONE

  /** Connects to no member until it is given some. */
  constructor(options: PeersOptions) {
    this.#options = options
  }

  /**
   * Opens links to members that are new or have another address, and ends the links to those that
   * are none any more. The other links stay as they are. Requires: this node is not among them.
   */
  follow(members: readonly Member[]): void {
    const present = new Map(members.map((member) => [member.id, member]))
    for (const [id, link] of this.#links) {
      const member = present.get(id)
      if (member !== undefined && isSameAddress(member, link.member)) {
        link.member = member
        continue
      }
      this.#links.delete(id)
      link.close(new OperatingError('not-a-member', 'no member has this address now'))
    }
    for (const member of members) {
      if (this.#links.has(member.id)) continue
      const link = new PeerLink(this.#options, this.events, member)
      this.#links.set(member.id, link)
      link.open()
    }
  }

  stop(): void {
    for (const link of this.#links.values()) link.close(nodeStopping())
  }

  /** Whether the member is connected, and not silent. */
  isConnected(node: NodeId): boolean {
    return this.#links.get(node)?.isUsable === true
  }

  /** What follows the name of a member that is not connected, in a sentence. */
  whyAway(node: NodeId): string | undefined {
    const link = this.#links.get(node)
    if (link === undefined || link.isUsable) return undefined
    const seconds = Math.floor((this.#options.world.clock.now() - link.awaySinceMs) / 1000)
    const { refusal } = link
    const why = refusal === undefined ? 'cannot be reached' : `does not connect: ${refusal}`
    return `has been away for ${seconds} s and ${why}`
  }

  /** Members from which something has come since this was called last. */
  takeHeard(): readonly NodeId[] {
    return [...this.#links].flatMap(([id, link]) => (link.takeHeard() ? [id] : []))
  }

  /** A member whose connection is open is avoided from now on, or is heard again. */
  onSilence(node: NodeId, isSilent: boolean): void {
    this.#links.get(node)?.onSilence(isSilent)
  }

  /** 0 for one that answers fast; else higher, the slower the likelier: see `Avoidance`. */
  slownessOf(node: NodeId): number {
    return this.events.slownessOf(node)
  }

  /** Whether one more call to `node` can be sent now: it is refused here where none can. */
  hasRoom(node: NodeId): boolean {
    const session = this.#links.get(node)?.session
    return session !== undefined && session.callsInFlight < CALLS_PER_CONNECTION_MAX
  }

  /** Asks `node`; `deliver` is called once, at once with `peer-away` where it is not connected. */
  call<K extends RequestKind>(
    node: NodeId,
    kind: K,
    request: Request<K>,
    deliver: (answer: Answer<K>) => void,
    room?: Room,
  ): void {
    const link = this.#links.get(node)
    const session = link?.session
    if (session === undefined) return deliver(peerAway(node))
    const onAnswer = (answer: Answer<K>): void => {
      if (isFailure(answer) && answer.code === 'ring-differs') this.onRingDiffers(node)
      deliver(answer)
    }
    session.call(kind, request, onAnswer, room)
    link?.onCall()
  }

  /** For cluster keys, on the connection that a call takes now. */
  sealOf(node: NodeId): KeySeal | undefined {
    return this.#links.get(node)?.session?.seal
  }

  /** The members that are connected now. */
  get connected(): readonly NodeId[] {
    return [...this.#links].flatMap(([id, { isUsable }]) => (isUsable ? [id] : []))
  }

  /** Ends the connection to a member, with a goodbye that says why. */
  end(node: NodeId, reason: OperatingError): void {
    this.#links.get(node)?.session?.end(reason)
  }

  /** Sessions with the members that are connected now. */
  get sessions(): Iterable<Session> {
    return [...this.#links.values()].flatMap(({ session }) => session ?? [])
  }

  /** Members that will not connect until something is configured otherwise, each a sentence. */
  get refusals(): readonly string[] {
    return [...this.#links.values()].flatMap(({ member, refusal }) =>
      refusal === undefined ? [] : [`${member.name} does not connect: ${refusal}`],
    )
  }

  /** Members whose wall clock differs from this node's, each a sentence. */
  get clockWarnings(): readonly string[] {
    return [...this.#links.values()].flatMap(({ member, clockAheadMs: ahead }) =>
      ahead === undefined || Math.abs(ahead) <= CLOCK_AHEAD_MS_MAX
        ? []
        : [
            `the clock of ${member.name} is ${(Math.abs(ahead) / 1000).toFixed(1)} s ` +
              `${ahead > 0 ? 'ahead of' : 'behind'} this node's: set both by NTP`,
          ],
    )
  }

  /** Every other member, and whether it is connected now. */
  list(): readonly { readonly member: Member; readonly isConnected: boolean }[] {
    return [...this.#links.values()].map(({ member, isUsable }) => ({
      member,
      isConnected: isUsable,
    }))
  }
}

function isSameAddress(a: Member, b: Member): boolean {
  return a.host === b.host && a.peerPort === b.peerPort
}

export function peerAway(node: NodeId): OperatingError {
  return new OperatingError('peer-away', `member ${node} is not connected to this node`)
}
