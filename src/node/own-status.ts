/** What a node tells about itself: its figures, and sentences for the operator. */
import type { Clock, Timer } from '../world/clock.ts'
import type { Directory } from '../world/disk.ts'
import type { Engine } from '../store/engine.ts'
import { MemberState } from '../dynamo/membership/member-record.ts'
import { VERSION } from '../version.ts'
import type { Background } from './background/background.ts'
import type { Buckets } from './cluster/buckets.ts'
import type { Membership } from './cluster/membership.ts'
import type { Peers } from './cluster/peers.ts'
import type { Topology } from './cluster/topology.ts'
import type { Hints } from './replica/hints.ts'
import { type Gauges, type NodeStatus, Report, type Sources } from './report.ts'

/** How long a status waits for the disk. */
const FREE_BYTES_MS_MAX = 200
const NOT_DURABLE =
  'this node keeps its data in memory and starts empty: the other owners must give it back'

const STATE_NAMES = Object.fromEntries(
  Object.entries(MemberState).map(([name, state]) => [state, name]),
) as Readonly<Record<MemberState, keyof typeof MemberState>>

export interface OwnStatusDependencies extends Omit<Sources, 'uptimeMs' | 'freeBytes'> {
  readonly clock: Clock
  /** When the node began to start. */
  readonly startedMs: number
  readonly topology: Topology
  readonly peers: Peers
  readonly membership: Membership
  readonly engine: Engine
  readonly hints: Hints
  readonly background: Background
  readonly buckets: Pick<Buckets, 'alarms'>
  /** Undefined where the engine uses no disk. */
  readonly directory: Directory | undefined
}

export class OwnStatus {
  readonly #node: OwnStatusDependencies
  readonly #report: Report
  /** That the disk had when a client last asked. */
  #freeBytes = 0

  constructor(dependencies: OwnStatusDependencies) {
    const { clock, startedMs, directory } = dependencies
    this.#node = dependencies
    this.#report = new Report({
      ...dependencies,
      uptimeMs: () => clock.now() - startedMs,
      freeBytes: directory && (() => this.#freeBytes),
    })
  }

  /** What this cluster would not survive, and what runs short. */
  get warnings(): readonly string[] {
    const { isDurable } = this.#node.engine.capabilities
    const own = isDurable ? [] : [NOT_DURABLE]
    const { topology, hints, background } = this.#node
    return [...own, ...topology.warnings(), ...hints.warnings(), ...background.opener.warnings()]
  }

  /** What is wrong now and needs someone. */
  get alarms(): readonly string[] {
    const { sentence } = this.#node.background.repairer.catchUp
    return [
      ...(sentence === undefined ? [] : [sentence]),
      ...this.#node.buckets.alarms,
      ...this.#node.peers.refusals,
      ...this.#node.peers.clockWarnings,
      ...(this.#node.engine.report().alarms ?? []),
    ]
  }

  now(): NodeStatus {
    const { topology, membership } = this.#node
    const { self, cluster, ring } = topology
    return {
      node: self.id,
      name: membership.recordOf(self.id)?.name ?? self.name,
      version: VERSION,
      cluster,
      peers: this.#node.peers.list().map(({ member, isConnected }) => ({
        node: member.id,
        name: member.name,
        isConnected,
      })),
      figures: this.#report.figures.map(({ name, read }) => ({ name, value: read() })),
      warnings: this.warnings,
      alarms: this.alarms,
      hints: this.#node.hints.reports().map(({ place, ...report }) => ({
        node: place,
        name: membership.recordOf(place)?.name ?? ring.member(place)?.name ?? '',
        ...report,
      })),
      round: this.#node.background.opener.state,
      members: membership.seen().map(({ record, life, lifeMs }) => ({
        node: record.id,
        name: record.name,
        state: STATE_NAMES[record.state],
        life,
        lifeMs,
      })),
    }
  }

  /** The status after the disk was asked for its free bytes; one that hangs is not waited for. */
  async fresh(): Promise<NodeStatus> {
    if (this.#node.directory === undefined) return this.now()
    let timer: Timer | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = this.#node.clock.after(FREE_BYTES_MS_MAX, () => resolve(undefined))
    })
    // The engine reports a disk that fails; the last known count stays.
    const asked = this.#node.directory.freeBytes().catch(() => undefined)
    this.#freeBytes = (await Promise.race([asked, late])) ?? this.#freeBytes
    timer?.cancel()
    return this.now()
  }

  gauges(): Gauges {
    return this.#report.gauges()
  }
}
