/**
 * Who is alive, as all members say together: suspicions, contradictions and deaths.
 *
 *     alive ── a probe fails, here or elsewhere ──► suspect ── time is up ──► dead
 *       ▲                                              │                       │
 *       └──────── the member itself says a higher incarnation ◄────────────────┘
 *
 * Dead is news for people and for `status`. It removes no member and no copy, and a member that is
 * dead is probed on: it comes back by contradicting.
 */
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../names.ts'
import type { LocalHealth } from './local-health.ts'
import type { Members } from './members.ts'
import type { News } from './message.ts'
import type { NewsQueue } from './news.ts'
import { TIMEOUT_MS } from './probing.ts'
import { INCARNATION_MAX, type Standing, type Standings } from './standings.ts'
import { Suspicion } from './suspicion.ts'

export type Life = 'alive' | 'suspect' | 'dead'

export interface LifeChange {
  readonly id: NodeId
  readonly life: Life
}

export interface LivenessParts {
  readonly self: NodeId
  readonly members: Members
  readonly standings: Standings
  readonly news: NewsQueue
  readonly health: LocalHealth
}

type SuspectOrDead = Extract<News, { readonly by: NodeId }>

export class Liveness {
  readonly #self: NodeId
  readonly #members: Members
  readonly #standings: Standings
  readonly #news: NewsQueue
  readonly #health: LocalHealth
  readonly #suspicions = new Map<NodeId, Suspicion>()
  /** What has changed and was not taken yet. */
  #changes: LifeChange[] = []
  #dueAt = Number.POSITIVE_INFINITY

  constructor({ self, members, standings, news, health }: LivenessParts) {
    this.#self = self
    this.#members = members
    this.#standings = standings
    this.#news = news
    this.#health = health
  }

  /** When a suspicion runs out. */
  get dueAt(): number {
    return this.#dueAt
  }

  lifeOf(id: NodeId): Life {
    if (this.#standings.isDead(id)) return 'dead'
    return this.#suspicions.has(id) ? 'suspect' : 'alive'
  }

  takeChanges(): readonly LifeChange[] {
    const changes = this.#changes
    if (changes.length > 0) this.#changes = []
    return changes
  }

  /** What `id` must hear at once, so that it can contradict; undefined if it is alive. */
  accusationOf(id: NodeId): News | undefined {
    const { incarnation, isDead } = this.#standings.get(id)
    if (isDead) return { kind: 'dead', id, incarnation, by: this.#self }
    const suspicion = this.#suspicions.get(id)
    if (suspicion === undefined) return undefined
    const by = suspicion.witnesses[0] as NodeId
    return { kind: 'suspect', id, incarnation: suspicion.incarnation, by }
  }

  /** What a member that says this has missed: the accused lives, by a higher incarnation. */
  contradictionOf(news: Exclude<News, { readonly kind: 'record' }>): News | undefined {
    const { id } = news
    const { incarnation, isDead } = this.#standings.get(id)
    if (news.kind === 'alive' || isDead || incarnation <= news.incarnation) return undefined
    return { kind: 'alive', id, incarnation }
  }

  /** A probe of this node was not answered. */
  onUnanswered(id: NodeId, now: number): void {
    if (this.#standings.isDead(id)) return
    const { incarnation } = this.#standings.get(id)
    this.#suspect({ kind: 'suspect', id, incarnation, by: this.#self }, now)
  }

  /** Returns whether it is a suspicion that was unknown here. */
  onNews(news: Exclude<News, { readonly kind: 'record' }>, now: number): boolean {
    if (news.id === this.#self) {
      this.#onOwn(news)
      return false
    }
    switch (news.kind) {
      case 'alive':
        this.#take({ id: news.id, incarnation: news.incarnation, isDead: false }, news)
        return false
      case 'dead':
        this.#take({ id: news.id, incarnation: news.incarnation, isDead: true }, news)
        return false
      default:
        return this.#suspect(news, now)
    }
  }

  /** A standing that came in an exchange of sets. */
  onStanding(standing: Standing, from: NodeId): void {
    const { id, incarnation, isDead } = standing
    const news: News = isDead
      ? { kind: 'dead', id, incarnation, by: from }
      : { kind: 'alive', id, incarnation }
    if (id === this.#self) this.#onOwn(news)
    else this.#take(standing, news)
  }

  /** Returns suspects to be asked a last time. */
  onTick(now: number): readonly NodeId[] {
    if (now < this.#dueAt) return []
    const asked: NodeId[] = []
    for (const [id, suspicion] of this.#suspicions) {
      if (suspicion.dueAt > now) continue
      if (suspicion.onDue(TIMEOUT_MS * this.#health.factor, now) === 'ask') {
        asked.push(id)
        continue
      }
      const { incarnation } = suspicion
      this.#take(
        { id, incarnation, isDead: true },
        { kind: 'dead', id, incarnation, by: this.#self },
      )
    }
    this.#setDue()
    return asked
  }

  /** Something came from `id`. Returns whether it is suspected, and to be reminded of it. */
  onHeard(id: NodeId, now: number): boolean {
    const suspicion = this.#suspicions.get(id)
    if (suspicion === undefined) return false
    const isReminded = suspicion.onHeard(now)
    this.#setDue()
    return isReminded
  }

  /** This process was stopped for so long: contradictions may still be unread. */
  delay(ms: number): void {
    for (const suspicion of this.#suspicions.values()) suspicion.delay(ms)
    this.#setDue()
  }

  /** The member is gone. */
  forget(id: NodeId): void {
    this.#endSuspicion(id)
    this.#standings.forget(id)
  }

  /** This node contradicts what is not so, and goes above what it has never said. */
  #onOwn(news: Exclude<News, { readonly kind: 'record' }>): void {
    const { incarnation } = this.#standings.get(this.#self)
    const isAccused = news.kind !== 'alive'
    if (news.incarnation < incarnation) return
    if (news.incarnation === incarnation && !isAccused) return
    if (isAccused) this.#health.onSuspected()
    const next = Math.min(INCARNATION_MAX, news.incarnation + 1)
    this.#standings.take({ id: this.#self, incarnation: next, isDead: false })
    this.#news.add({ kind: 'alive', id: this.#self, incarnation: next })
  }

  #take(standing: Standing, news: News): void {
    const { id, incarnation, isDead } = standing
    // News of ids that are no members, or not yet, is not kept: the sets are compared later.
    if (!this.#standings.wouldTake(standing) || !this.#members.has(id)) return
    const before = this.lifeOf(id)
    this.#standings.take(standing)
    const suspicion = this.#suspicions.get(id)
    if (suspicion !== undefined && (isDead || suspicion.incarnation < incarnation)) {
      this.#endSuspicion(id)
    }
    this.#news.add(news)
    const life = this.lifeOf(id)
    if (life !== before) this.#changes.push({ id, life })
  }

  /** Returns whether the suspicion was unknown. */
  #suspect(news: SuspectOrDead, now: number): boolean {
    const { id, incarnation, by } = news
    const known = this.#suspicions.get(id)
    if (known !== undefined && incarnation <= known.incarnation) {
      if (incarnation < known.incarnation || !known.confirm(by)) return false
      this.#news.add(news)
      this.#setDue()
      return false
    }
    const standing = this.#standings.get(id)
    if (incarnation < standing.incarnation) return false
    if (incarnation === standing.incarnation && standing.isDead) return false
    if (!this.#members.has(id)) return false
    // An accusation of a higher incarnation tells that the member was alive in it.
    this.#take({ id, incarnation, isDead: false }, { kind: 'alive', id, incarnation })
    this.#endSuspicion(id)
    const { size } = this.#members
    this.#suspicions.set(id, new Suspicion(incarnation, by, size, now))
    this.#setDue()
    this.#news.add(news)
    this.#changes.push({ id, life: 'suspect' })
    return true
  }

  #endSuspicion(id: NodeId): void {
    const suspicion = this.#suspicions.get(id)
    if (suspicion === undefined) return
    this.#suspicions.delete(id)
    this.#news.dropSuspicion(id, suspicion.witnesses)
    this.#setDue()
  }

  #setDue(): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#suspicions.values()) this.#dueAt = Math.min(this.#dueAt, dueAt)
    assert(!Number.isNaN(this.#dueAt), 'a suspicion ends at some time')
  }
}
