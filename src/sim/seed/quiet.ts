/**
 * Act two: the faults have stopped; copies must become equal, and then nothing is written.
 *
 * `core` picks nodes that hold W owners of every key; the others stay dead. `converge` waits for
 * requests under way and for hints to be delivered, scans all buckets where no node is dead, and
 * waits until exchanges alone have made the hash trees of all living owners equal, but for nodes
 * that may lack what only the dead have. Then it reads every key at all its living owners that can
 * answer, which must repair nothing, and asks each for its copy: the copies must be equal.
 * Where they differ in a key that names as many repeated requests as it may, the order of merges
 * decides (`merge.ts`), and it is read once more. After that a read must write nothing, and no node
 * may keep memory of a message.
 */
import type { Prng } from '../../base/prng.ts'
import type { MemberRecord } from '../../dynamo/membership/member-record.ts'
import { keyName } from '../../dynamo/names.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { MESSAGE_STALL_MS_MAX } from '../../limits.ts'
import { MEMORY_GAUGES } from '../../node/report.ts'
import type { Account } from '../cluster/account.ts'
import type { Bounds } from '../checkers/bounds.ts'
import type { MembershipChecker, SeenMembers } from '../checkers/membership.ts'
import { checkScans, type Scanned } from '../checkers/scans.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { History } from '../history/history.ts'
import { inspect, type Inspection } from './inspect.ts'
import type { Workload } from './workload.ts'
import type { Place } from './workload-options.ts'

const PEACE_MS_MAX = 120_000
const STEP_MS = 250
/** Between two looks at all nodes: soon after the first one, then seldom. */
const LOOK_MS_MIN = 10
const LOOK_MS_MAX = 200
const LOOKS_GROW_BY = 1.2
/** Attempts that their clients have given up may still arrive. */
const LATE_MS = 2_500
/** The memory that a silent node's messages have is given back within two seconds. */
const REPAIR_MS_MAX = 5_000
/** A delivery that fails is begun again within seconds. */
const HAND_OFF_MS_MAX = 60_000
/** Exchanges are seconds apart; what has rotted on both sides of one is mended by another pair. */
const EXCHANGES_MS_MAX = 60_000
/** What a request wrote stays for a while; rounds that meet faults begin again. */
const ROUNDS_MS_MAX = 120_000
/** So many times as long as requests are remembered all that may go has gone. */
const FORGOTTEN_TIMES = 2
const INSPECT_MS_MAX = 600_000
/**
 * A message whose sender broke the connection without a word is given up by then, with its memory:
 * after `MESSAGE_STALL_MS_MAX`, seen at the next check, by a clock that may be slow.
 */
const GIVE_BACK_MS_MAX = 2 * MESSAGE_STALL_MS_MAX
/** News that was lost comes with a comparison, which each member begins every 30 s. */
const MEMBERS_MS_MAX = 60_000
/** How often what a core takes away is tried. */
const SHRINK_TRIES = 2
/** Figures of copies that change without a request. */
const OTHER_APPENDS = [
  'keys_reaped_total',
  'contexts_stripped_total',
  'exchange_repairs_total',
] as const
const REPAIRS = 'read_repairs_total'
const EXCHANGES = 'exchanges_total'
const EXCHANGE_REPAIRS = 'exchange_repairs_total'
/** Complete ones of each node that must repair nothing. */
const STEADY_EXCHANGES = 10
const NOT_SCANNED: Scanned = new Map()

/**
 * Nodes that hold W owners of every key of every bucket: as few as chance will have. Fewer than W
 * are left out: W of any nodes may be all that hold a write, by hints.
 */
export function core(cluster: Cluster, prng: Prng): readonly number[] {
  const config = cluster.configOf(1)
  const groups: { readonly owners: readonly number[]; readonly w: number }[] = []
  for (const { name, w } of [{ name: 'default', w: config.defaults.w }, ...cluster.buckets]) {
    for (let partition = 0; partition < cluster.ring.partitionCount; partition++) {
      groups.push({ owners: cluster.ownersOfPartition(partition, name), w })
    }
  }
  const living = new Set(cluster.machines)
  const deadMax = Math.min(...groups.map(({ w }) => w)) - 1
  for (const machine of prng.shuffled(cluster.machines).slice(0, SHRINK_TRIES)) {
    if (cluster.machines.length - living.size >= deadMax) break
    living.delete(machine)
    const isEnough = groups.every(
      ({ owners, w }) => owners.filter((owner) => living.has(owner)).length >= w,
    )
    if (!isEnough) living.add(machine)
  }
  return [...living]
}

export class Quiet {
  readonly #cluster: Cluster
  readonly #workload: Workload
  readonly #account: Account
  readonly #bounds: Bounds
  readonly #history: History
  readonly #membership: MembershipChecker
  readonly violations: string[] = []

  constructor(
    cluster: Cluster,
    history: History,
    workload: Workload,
    account: Account,
    bounds: Bounds,
    membership: MembershipChecker,
  ) {
    this.#cluster = cluster
    this.#history = history
    this.#account = account
    this.#bounds = bounds
    this.#workload = workload
    this.#membership = membership
  }

  /** Waits until all of `living` see each other, and all are whole where none is dead. */
  async peace(living: readonly number[]): Promise<void> {
    const areAllThere = living.length === this.#cluster.size
    const isPeaceful = (): boolean =>
      living.every((machine) => {
        if (areAllThere && this.#cluster.node(machine)?.isWhole !== true) return false
        const peers = this.#cluster.node(machine)?.status().peers ?? []
        const seen = peers.filter((peer) => peer.isConnected).map(({ name }) => name)
        return living.every((other) => other === machine || seen.includes(`n${other}`))
      })
    if (await this.#until(isPeaceful, PEACE_MS_MAX)) return
    this.violations.push('no peace: nodes do not find each other long after faults have ended')
  }

  /** Waits until all of `living` have the same records, and hold each other for alive. */
  async #agree(living: readonly number[]): Promise<void> {
    const ids = living.map((machine) => this.#cluster.memberOf(machine))
    const left = (): readonly string[] =>
      this.#membership.disagreements(this.#seenMembers(living), ids)
    if (!(await this.#until(() => left().length === 0, MEMBERS_MS_MAX))) {
      this.violations.push(...left())
    }
    this.#membership.agreed(ids)
  }

  #seenMembers(living: readonly number[]): readonly SeenMembers[] {
    return living.map((machine) => {
      const seen = this.#cluster.node(machine)?.membership.seen() ?? []
      return {
        machine,
        records: new Map(seen.map(({ record }) => [record.id, textOf(record)])),
        lives: new Map(seen.map(({ record, life }) => [record.id, life])),
      }
    })
  }

  /**
   * Waits until no living node keeps a hint for another one. A copy that has rotted takes none
   * until it is mended, for which too few owners may be left while some nodes are dead for ever.
   */
  async #handOff(living: readonly number[]): Promise<void> {
    const members = new Set(living.map((machine) => this.#cluster.memberOf(machine)))
    const left = (): readonly string[] =>
      living.flatMap((machine) => {
        const hints = this.#cluster.node(machine)?.hints ?? []
        return hints
          .filter(({ place }) => members.has(place))
          .map(({ place, keys }) => `hints left: node ${machine} keeps ${keys} for ${place}`)
      })
    if (await this.#until(() => left().length === 0, HAND_OFF_MS_MAX)) return
    if (living.length < this.#cluster.size) {
      for (const machine of living) {
        if (this.#account.isDamaged(machine)) members.delete(this.#cluster.memberOf(machine))
      }
    }
    this.violations.push(...left())
  }

  /** Waits until the owners of each partition among `machines` have equal trees. */
  async #exchange(machines: readonly number[]): Promise<void> {
    const unequal = (): readonly string[] => this.#cluster.unequalRoots(machines)
    if (await this.#until(() => unequal().length === 0, EXCHANGES_MS_MAX)) return
    this.violations.push(...unequal())
  }

  /** Lets each node make some more exchanges, which must repair nothing. Requires: all live. */
  async steady(): Promise<void> {
    const { machines } = this.#cluster
    const wanted = machines.map((machine) => this.#figure(machine, EXCHANGES) + STEADY_EXCHANGES)
    const repaired = this.#sum(machines, EXCHANGE_REPAIRS)
    const isDone = (): boolean =>
      machines.every((machine, i) => this.#figure(machine, EXCHANGES) >= (wanted[i] as number))
    if (!(await this.#until(isDone, EXCHANGES_MS_MAX))) {
      this.violations.push('no exchanges: nodes make none though all is quiet')
    }
    const repairs = this.#sum(machines, EXCHANGE_REPAIRS) - repaired
    if (repairs > 0) this.violations.push(`not silent: exchanges of equal copies took ${repairs}`)
  }

  /** Waits until rounds have let go of all that is deleted. Requires: all nodes live. */
  async #forget(living: readonly number[]): Promise<void> {
    const left = (): readonly number[] =>
      living.filter((machine) => this.#figure(machine, 'deleted_leaves') > 0)
    if (await this.#until(() => left().length === 0, ROUNDS_MS_MAX)) return
    for (const machine of left()) {
      const why = this.#cluster.node(machine)?.roundObstacle ?? 'no reason'
      this.violations.push(`deletes left: node ${machine} has tombstones; rounds wait for: ${why}`)
    }
  }

  /** Scans every bucket while copies still lack writes or have rotted. Requires: all nodes live. */
  async #scan(): Promise<Scanned> {
    const hasDamage = this.#account.damages > 0
    // With what rotted or was lost fewer than W copies may have a write: then all are asked. That
    // fails where one has rotted that no other owner has, and so none can name.
    const leastR = (bucket: string): number => {
      const { n, w } = this.#cluster.quorumsOf(bucket)
      return hasDamage ? n : n - w + 1
    }
    const scanned = await this.#workload.scan(leastR)
    const found = new Map<string, ReadonlySet<string>>()
    for (const [bucket, keys] of scanned) {
      if (keys !== undefined) found.set(bucket, keys)
      else if (!hasDamage) this.violations.push(`not live: ${bucket} cannot be scanned`)
    }
    return found
  }

  /** Makes the copies on `living` equal, sees that they are, and that nothing moves any more. */
  async converge(living: readonly number[]): Promise<Inspection> {
    const { world } = this.#cluster
    await this.peace(living)
    await this.#agree(living)
    await world.run(LATE_MS)
    await this.#handOff(living)
    const scanned = living.length === this.#cluster.size ? await this.#scan() : NOT_SCANNED
    // What was lost is brought back from others, and they may be among the dead.
    const mayLack = (machine: number): boolean =>
      living.length < this.#cluster.size &&
      (this.#account.isDamaged(machine) || this.#cluster.node(machine)?.isWhole !== true)
    const sound = living.filter((machine) => !mayLack(machine))
    await this.#exchange(sound)
    if (living.length === this.#cluster.size) await this.#forget(living)
    // Owners let a deleted key go at about one time, once its request is forgotten.
    else await world.run(FORGOTTEN_TIMES * this.#cluster.configOf(1).rememberMs)
    await this.#exchange(sound)
    const repaired = this.#sum(living, REPAIRS)
    const answering = await this.#readAll(living, mayLack)
    const repairs = this.#sum(living, REPAIRS) - repaired
    if (sound.length === living.length && repairs > 0) {
      this.violations.push(`not equal: reads repaired ${repairs} copies after all exchanges`)
    }
    // Repairs go on, and may wait for memory that messages of dead connections have.
    await this.#until(() => this.#kept(living).length === 0, REPAIR_MS_MAX)
    await world.run(STEP_MS)
    const { places, requests } = this.#workload
    const onObject = (label: string, object: VersionedObject, owners: number): void =>
      this.#bounds.object(label, object, owners + this.#account.damages)
    const look = (hasMetAll: boolean): Promise<Inspection> => {
      const options = { machines: living, places, requests, mayLack, hasMetAll, onObject }
      return world.complete(inspect(this.#cluster, options), INSPECT_MS_MAX)
    }
    let state = await look(false)
    if (state.unsettled.length > 0) {
      await this.#workload.readAt(state.unsettled, ({ label }) => answering.get(label) ?? 0)
      await world.run(STEP_MS)
      state = await look(true)
    }
    this.violations.push(...state.violations)
    this.violations.push(...checkScans(this.#history, state.final, scanned))
    await world.run(STEP_MS)
    const before = this.#appends(living)
    await this.#workload.readAt(places, ({ label }) => answering.get(label) ?? 0)
    await world.run(STEP_MS)
    for (const [machine, appends] of this.#appends(living)) {
      const more = appends - (before.get(machine) ?? 0)
      if (more > 0) this.violations.push(`not silent: node ${machine} wrote ${more} while all read`)
    }
    await this.#giveBack(living)
    return state
  }

  /**
   * Reads every key at all its living owners, then what was not read at one owner fewer, and so on
   * down to those that have their copies. Returns how many answered for each key, by its label. Why
   * not at those at once: a damaged disk lacks few records, and a read that needs fewer than can
   * answer leaves a copy as stale as it was.
   */
  async #readAll(
    living: readonly number[],
    mayLack: (machine: number) => boolean,
  ): Promise<ReadonlyMap<string, number>> {
    const needed = new Map<string, number>()
    const lacking = living.filter(mayLack)
    let unread = this.#workload.places
    for (let fewer = 0; fewer <= lacking.length; fewer++) {
      for (const place of unread) {
        const owners = this.#livingOwners(place, living)
        const lackingOwners = owners.filter((owner) => lacking.includes(owner))
        needed.set(place.label, owners.length - Math.min(fewer, lackingOwners.length))
      }
      unread = await this.#workload.readAt(unread, ({ label }) => needed.get(label) ?? 0)
    }
    for (const { label } of unread) {
      this.violations.push(`not live: ${label} cannot be read at all its owners that live`)
    }
    return needed
  }

  /** Sees that nodes keep no memory of messages once no request is under way. */
  async #giveBack(living: readonly number[]): Promise<void> {
    const isGiven = await this.#until(() => this.#kept(living).length === 0, GIVE_BACK_MS_MAX)
    if (!isGiven) this.violations.push(...this.#kept(living))
  }

  /** Goes on until `isDone` says so; false where `limitMs` have passed first. */
  async #until(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const { world } = this.#cluster
    const endMs = world.nowMs + limitMs
    for (
      let lookMs = LOOK_MS_MIN;
      !isDone();
      lookMs = Math.min(LOOK_MS_MAX, lookMs * LOOKS_GROW_BY)
    ) {
      if (world.nowMs >= endMs) return false
      await world.run(lookMs)
    }
    return true
  }

  #kept(living: readonly number[]): readonly string[] {
    return living.flatMap((machine) => {
      const gauges = this.#cluster.node(machine)?.gauges()
      return MEMORY_GAUGES.flatMap((name) => {
        const bytes = gauges?.[name] ?? 0
        return bytes === 0 ? [] : [`memory kept: node ${machine} has ${name} ${bytes}`]
      })
    })
  }

  #figure(machine: number, figure: string): number {
    const figures = this.#cluster.node(machine)?.status().figures ?? []
    return figures.find(({ name }) => name === figure)?.value ?? 0
  }

  #sum(machines: readonly number[], figure: string): number {
    return machines.reduce((sum, machine) => sum + this.#figure(machine, figure), 0)
  }

  #livingOwners({ bucket, key }: Place, living: readonly number[]): readonly number[] {
    const owners = this.#cluster.ownersOf(keyName(bucket, key))
    return owners.filter((owner) => living.includes(owner))
  }

  #appends(living: readonly number[]): ReadonlyMap<number, number> {
    return new Map(
      living.map((machine) => {
        // Exchanges go on, and what rounds let go of costs an append.
        const others = OTHER_APPENDS.map((figure) => this.#figure(machine, figure))
        const sum = others.reduce((all, one) => all + one, 0)
        return [machine, this.#figure(machine, 'appends_total') - sum]
      }),
    )
  }
}

/** Two records of one digest are equal. */
function textOf({ version, weight, digest: { hi, lo } }: MemberRecord): string {
  return `version ${version} with weight ${weight} (${hi} ${lo})`
}
