/**
 * Choose the node that a call goes to: the links to all nodes, and the routes over them.
 *
 * For a key: its owners in order, then its fallbacks, then any node; of these the first whose link
 * is open, not quiet, and not tried before in this round. Owners without a connection are dialled
 * on the way, so a client of a thousand nodes holds connections to the nodes that it uses.
 *
 * The pool asks for the topology whenever a link opens, because a node that came back may know a
 * newer one, and when an answer tells of another ring.
 */
import { hexOf } from '../base/bytes.ts'
import { type FailureDetails, OperatingError } from '../base/errors.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { PreferenceList } from '../dynamo/ring/preference-list.ts'
import type { Member } from '../dynamo/ring/ring.ts'
import type { Topology } from '../wire/message/client.ts'
import type { Clock } from '../world/clock.ts'
import { type Address, addressLabel } from '../world/network.ts'
import type { Random } from './random.ts'
import { type Dial, Link } from './link.ts'
import { Routes } from './routes.ts'

/** The least time between two topologies that are asked for because links opened. */
const REFRESH_MS_MIN = 100

export interface PoolOptions {
  readonly clock: Clock
  readonly random: Random
  readonly dial: Dial
}

export class Pool {
  /** Called when a link has opened. */
  onOpen: (() => void) | undefined
  readonly #options: PoolOptions
  readonly #seeds: readonly Link[]
  /** By address, in the order in which they were made. */
  readonly #links = new Map<string, Link>()
  /** Of members in `routes`. */
  #byMember = new Map<Member, Link>()
  #routes: Routes | undefined
  #turn = 0
  #isClosed = false
  #isRefreshing = false
  #refreshedAt = Number.NEGATIVE_INFINITY

  constructor(seeds: readonly Address[], options: PoolOptions) {
    this.#options = options
    this.#seeds = seeds.map((seed) => this.#linkTo(seed))
    for (const seed of this.#seeds) seed.wake()
  }

  get routes(): Routes | undefined {
    return this.#routes
  }

  /** The node to ask next, or undefined when every usable node was tried in this round. */
  choose(list: PreferenceList | undefined, tried: readonly Link[]): Link | undefined {
    if (list !== undefined) {
      for (const owner of list.owners) {
        const link = this.#byMember.get(owner)
        if (link === undefined) continue
        if (isUsable(link, tried)) return link
        link.wake()
      }
      for (const fallback of list.fallbacks) {
        const link = this.#byMember.get(fallback)
        if (link !== undefined && isUsable(link, tried)) return link
      }
    }
    return this.#anyLink(tried)
  }

  /** Whether a node that answers was not tried in this round. */
  hasUsable(tried: readonly Link[]): boolean {
    for (const link of this.#links.values()) if (isUsable(link, tried)) return true
    return false
  }

  /** The link to the member of this name; dials it if that was never done. */
  named(name: string): Link | undefined {
    const member = this.#routes?.members.find((one) => one.name === name)
    const link = member === undefined ? undefined : this.#byMember.get(member)
    link?.wake()
    return link
  }

  /** The link to this address, as `addressLabel` writes it; dials it if that was never done. */
  at(label: string): Link | undefined {
    const link = this.#links.get(label)
    link?.wake()
    return link
  }

  /** `details` with the name of each node that is known as a member. */
  withNames(details: FailureDetails | undefined): FailureDetails | undefined {
    if (details?.nodes === undefined) return details
    const nodes = details.nodes.map((failed) => {
      const member = this.#routes?.ring.member(failed.node as NodeId)
      return member === undefined ? failed : { ...failed, name: member.name }
    })
    return { ...details, nodes }
  }

  /** Why no node can be asked. Not retryable only if every seed refused this client for good. */
  failure(): OperatingError {
    const reasons = this.#seeds.map((seed) => seed.failure)
    const final = reasons.find((reason) => reason !== undefined && !reason.isRetryable)
    if (final !== undefined && reasons.every((reason) => reason?.isRetryable === false)) {
      return final
    }
    const each = this.#seeds.map((seed) => `${seed.label}: ${seed.failure?.message ?? 'no answer'}`)
    return new OperatingError(
      'not-connected',
      `no node can be reached (${each.join('; ')}): check that the nodes run and that the ` +
        'seeds are their client addresses',
      { cause: final ?? reasons.find((reason) => reason !== undefined) },
    )
  }

  /** Routes by this topology from now on; throws `message-garbled` if it contradicts itself. */
  adopt(topology: Topology): void {
    if (this.#isClosed) return
    const routes = new Routes(topology)
    const byId = new Map<string, Link>()
    for (const link of this.#links.values()) if (link.node !== undefined) byId.set(link.node, link)
    const byMember = new Map<Member, Link>()
    for (const member of routes.members) {
      const address = { host: member.host, port: member.clientPort }
      // A seed may have another address of the same node: one connection is enough.
      const known = this.#links.get(addressLabel(address)) ?? byId.get(member.id)
      byMember.set(member, known ?? this.#linkTo(address))
    }
    this.#routes = routes
    this.#byMember = byMember
    const kept = new Set([...byMember.values(), ...this.#seeds])
    for (const [label, link] of this.#links) {
      if (kept.has(link)) continue
      this.#links.delete(label)
      link.close()
    }
  }

  /** Asks any open link for the topology, unless one came less than `REFRESH_MS_MIN` ago. */
  refresh(): void {
    const now = this.#options.clock.now()
    if (this.#isClosed || this.#isRefreshing || now - this.#refreshedAt < REFRESH_MS_MIN) return
    const link = this.#anyLink([])
    if (link === undefined) return
    this.#isRefreshing = true
    link.call('topology', {}, (answer) => {
      this.#isRefreshing = false
      if (answer instanceof OperatingError) return
      link.onHeard()
      this.#refreshedAt = this.#options.clock.now()
      if (!this.#isCurrent(answer)) this.#adoptIfValid(answer)
    })
  }

  close(): void {
    this.#isClosed = true
    for (const link of this.#links.values()) link.close()
  }

  /** Any open link, in turn; quiet ones last. If none is open, dials all. */
  #anyLink(tried: readonly Link[]): Link | undefined {
    const links = [...this.#links.values()]
    const first = this.#turn++ % links.length
    let quiet: Link | undefined
    let isAnyOpen = false
    for (let i = 0; i < links.length; i++) {
      const link = links[(first + i) % links.length] as Link
      if (isUsable(link, tried)) return link
      isAnyOpen ||= link.isOpen
      if (link.isOpen && !tried.includes(link)) quiet ??= link
    }
    if (!isAnyOpen) for (const link of links) link.wake()
    return quiet
  }

  #linkTo(address: Address): Link {
    const label = addressLabel(address)
    let link = this.#links.get(label)
    if (link !== undefined) return link
    link = new Link(address, {
      ...this.#options,
      onOpen: () => this.#onOpen(),
      onRing: (ring) => {
        if (this.#routes !== undefined && ring !== this.#routes.topology.ring.hi) this.refresh()
      },
    })
    this.#links.set(label, link)
    return link
  }

  #onOpen(): void {
    this.refresh()
    this.onOpen?.()
  }

  #isCurrent(topology: Topology): boolean {
    const current = this.#routes?.topology
    if (current === undefined) return false
    const addressesOf = (one: Topology): string =>
      one.members.map((m) => `${hexOf(m.node)} ${m.host} ${m.clientPort} ${m.name}`).join('\n')
    return (
      current.ring.hi === topology.ring.hi &&
      current.ring.lo === topology.ring.lo &&
      addressesOf(current) === addressesOf(topology)
    )
  }

  #adoptIfValid(topology: Topology): void {
    try {
      this.adopt(topology)
    } catch (error) {
      // The current routes stay in use; a program that calls `topology()` gets this error.
      if (!(error instanceof OperatingError)) throw error
    }
  }
}

function isUsable(link: Link, tried: readonly Link[]): boolean {
  return link.isOpen && !link.isQuiet && !tried.includes(link)
}
