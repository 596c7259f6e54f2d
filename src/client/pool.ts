/**
 * Choose whom to ask: the links to all nodes, and the routes over them.
 *
 * For a key: its owners in order, then those who stand in for them, then anybody; always those
 * that are connected, not quiet, and not tried before in this round. Owners that are not connected
 * are dialled on the way, so a client of a thousand nodes holds connections to those it uses.
 *
 * The topology is asked for by itself whenever a link opens: a node that came back may know a
 * newer one.
 */
import { hexOf } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import type { PreferenceList } from '../dynamo/ring/preference-list.ts'
import type { Member } from '../dynamo/ring/ring.ts'
import type { Topology } from '../wire/message/client.ts'
import type { Clock } from '../world/clock.ts'
import { type Address, addressLabel } from '../world/network.ts'
import type { Random } from './random.ts'
import { type Dial, Link } from './link.ts'
import { Routes } from './routes.ts'

/** A topology that many links bring at once is asked for once in this time. */
const REFRESH_MS_MIN = 100

export class Pool {
  /** Called when a node can be asked again. */
  onOpen: (() => void) | undefined
  readonly #clock: Clock
  readonly #chance: Random
  readonly #dial: Dial
  readonly #seeds: readonly Link[]
  /** By address; in the order of their making. */
  readonly #links = new Map<string, Link>()
  /** Of members in `routes`. */
  #byMember = new Map<Member, Link>()
  #routes: Routes | undefined
  #turn = 0
  #isClosed = false
  #isRefreshing = false
  #refreshedAt = Number.NEGATIVE_INFINITY

  constructor(
    seeds: readonly Address[],
    parts: { readonly clock: Clock; readonly chance: Random; readonly dial: Dial },
  ) {
    this.#clock = parts.clock
    this.#chance = parts.chance
    this.#dial = parts.dial
    this.#seeds = seeds.map((seed) => this.#linkTo(seed))
    for (const seed of this.#seeds) seed.wake()
  }

  get routes(): Routes | undefined {
    return this.#routes
  }

  /** Whom to ask next, or undefined where nobody is left in this round. */
  choose(list: PreferenceList | undefined, tried: readonly Link[]): Link | undefined {
    if (list !== undefined) {
      for (const owner of list.owners) {
        const link = this.#byMember.get(owner)
        if (link === undefined) continue
        if (isFit(link, tried)) return link
        link.wake()
      }
      for (const fallback of list.fallbacks) {
        const link = this.#byMember.get(fallback)
        if (link !== undefined && isFit(link, tried)) return link
      }
    }
    return this.#anybody(tried)
  }

  /** The link to the member of this name, dialled where it was not. */
  named(name: string): Link | undefined {
    const member = this.#routes?.members.find((one) => one.name === name)
    const link = member === undefined ? undefined : this.#byMember.get(member)
    link?.wake()
    return link
  }

  /** Why nobody can be asked. Final only where every seed turned us away for good. */
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

  /** Takes over a topology; throws `message-garbled` where it contradicts itself. */
  learn(topology: Topology): void {
    if (this.#isClosed) return
    const routes = new Routes(topology)
    const byId = new Map<string, Link>()
    for (const link of this.#links.values()) if (link.node !== undefined) byId.set(link.node, link)
    const byMember = new Map<Member, Link>()
    for (const member of routes.members) {
      const address = { host: member.host, port: member.clientPort }
      // A seed may have been named by another of its addresses: one connection is enough.
      const known = this.#links.get(addressLabel(address)) ?? byId.get(member.id)
      byMember.set(member, known ?? this.#linkTo(address))
    }
    this.#routes = routes
    this.#byMember = byMember
    const wanted = new Set([...byMember.values(), ...this.#seeds])
    for (const [label, link] of this.#links) {
      if (wanted.has(link)) continue
      this.#links.delete(label)
      link.close()
    }
  }

  /** Asks any open link for the topology, unless that was done just now. */
  refresh(): void {
    const now = this.#clock.now()
    if (this.#isClosed || this.#isRefreshing || now - this.#refreshedAt < REFRESH_MS_MIN) return
    const link = this.#anybody([])
    if (link === undefined) return
    this.#isRefreshing = true
    link.call('topology', {}, (outcome) => {
      this.#isRefreshing = false
      if (outcome instanceof OperatingError) return
      link.heard()
      this.#refreshedAt = this.#clock.now()
      if (!this.#isCurrent(outcome)) this.#learnIfSound(outcome)
    })
  }

  close(): void {
    this.#isClosed = true
    for (const link of this.#links.values()) link.close()
  }

  /** Any open link, in turn; quiet ones last. Where none is open, all are dialled. */
  #anybody(tried: readonly Link[]): Link | undefined {
    const links = [...this.#links.values()]
    const first = this.#turn++ % links.length
    let quiet: Link | undefined
    let isAnyOpen = false
    for (let i = 0; i < links.length; i++) {
      const link = links[(first + i) % links.length] as Link
      if (isFit(link, tried)) return link
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
      clock: this.#clock,
      chance: this.#chance,
      dial: this.#dial,
      events: { onOpen: () => this.#onOpen() },
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

  #learnIfSound(topology: Topology): void {
    try {
      this.learn(topology)
    } catch (error) {
      // The routes that we have go on to serve; whoever asks for the topology is told.
      if (!(error instanceof OperatingError)) throw error
    }
  }
}

function isFit(link: Link, tried: readonly Link[]): boolean {
  return link.isOpen && !link.isQuiet && !tried.includes(link)
}
