/**
 * How this node stands with the other members: whether its data directory holds all that it
 * acknowledged.
 *
 *     new ──── a member that has met no other directory of this node ────► whole
 *      │                                                                    ▲ │
 *      └── a member that has: the disk was emptied ──► rebuilding ── all ───┘ │
 *                                                          ▲     exchanged    │
 *                                                          └── set back, or damaged
 *
 * In the handshake each side names its directory and how far its log is durable, and remembers the
 * other's. A member that comes with another directory than before, or with a log that ends earlier,
 * has lost what it acknowledged, and "nothing here" from it would count towards R as if it had
 * looked. So it is refused until it says that it is rebuilding, and which directories it replaces.
 * A member that no other has met is new: nothing was acknowledged by it.
 */
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { differencesOf, parsePlacement, type Placement } from '../../dynamo/ring/placement.ts'
import { DIRECTORIES_MET_MAX } from '../../limits.ts'
import {
  type DirectoryState,
  NEW_STANDING,
  readStanding,
  type Standing,
  writeStanding,
} from '../../store/standing.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import { type Met, NEVER_MET, type PeerStanding } from '../../wire/handshake-steps.ts'
import type { Trace } from '../../world/trace.ts'
import { KeptFile } from '../replica/kept-file.ts'

/** How a data directory came to hold less than its node acknowledged. */
export type Loss = 'emptied' | 'set-back' | 'damaged'

export interface OwnStandingOptions {
  /** The number of this process. */
  readonly processId: string
  /** The id of the data directory. */
  readonly id: string
  /** Where the standing is kept; undefined if the engine is not durable. */
  readonly directory: Directory | undefined
  /** The configured one. */
  readonly placement: Placement
  /** The highest sequence of the engine that is durable now. */
  readonly durable: () => number
  /** What the engine lacks, as its report says. */
  readonly lost: string
  /** A node that finds itself emptied rebuilds, instead of ending. */
  readonly mayRebuild: boolean
  readonly clock: Clock
  readonly trace: Trace
}

const EMPTIED =
  'the other members know another data directory of this node, and this one lacks what that held:' +
  ' put the old directory back, or start this node with --rebuild, to read its copies from the' +
  ' others'

const SET_BACK =
  'its log ends earlier than it told before: its disk was set back; the others tell it so'

export class OwnStanding {
  readonly #options: OwnStandingOptions
  #state: DirectoryState
  /** Another member has told, in this process, that this disk was set back. */
  #isSetBack = false
  /** Of what the engine lacks, that which was got back. */
  #lost: string
  #replaces: readonly string[]
  /** Those that are written down: a member that hears of one forgets the lost directory. */
  #toldReplaces: readonly string[]
  /** Written down: before, a member would take this node for whole. */
  #isToldRebuilding: boolean
  readonly #met: Map<NodeId, Met>
  readonly #file: KeptFile
  /** Called once the node is to be rebuilt. */
  onRebuild: (why: Loss) => void = () => undefined
  /** Of the floors, which say first what this one relies on: that they were lost. */
  floorsWritten: () => Promise<unknown> = () => Promise.resolve()
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined

  private constructor(options: OwnStandingOptions, { state, lost, replaces, met }: Standing) {
    this.#options = options
    this.#state = state
    this.#lost = lost
    this.#replaces = replaces
    this.#toldReplaces = replaces
    this.#isToldRebuilding = state === 'rebuilding'
    this.#met = new Map(met)
    this.#file = new KeptFile({
      clock: options.clock,
      write: () => this.#write(),
      of: 'what this node must remember of the others',
      onFailed: (reason) => this.onFailed(reason),
    })
  }

  /** Fails with `data-rotten`. */
  static async open(options: OwnStandingOptions): Promise<OwnStanding> {
    const { directory } = options
    const standing = directory === undefined ? NEW_STANDING : await readStanding(directory)
    const own = new OwnStanding(options, standing)
    if (options.lost !== standing.lost && options.lost !== '') own.lose('damaged')
    return own
  }

  get state(): DirectoryState {
    return this.#state
  }

  get isWhole(): boolean {
    return this.#state === 'whole'
  }

  /** The id of the data directory. */
  get directoryId(): string {
    return this.#options.id
  }

  /** Under which the data is written: its members are those of the cluster's first ring. */
  get placement(): Placement {
    return this.#options.placement
  }

  /** What this node says of itself in the handshake. */
  get shown(): PeerStanding {
    const { processId, id: directory, placement, durable } = this.#options
    return {
      processId,
      directory,
      replaced: this.#toldReplaces,
      placement: JSON.stringify(placement),
      durable: durable(),
      isRebuilding: this.#isToldRebuilding,
    }
  }

  /** What this node remembers of a member's data. */
  metOf(node: NodeId): Met {
    return this.#met.get(node) ?? NEVER_MET
  }

  /**
   * A member proved itself in a handshake: remembers its data. `met` is what it remembers of this
   * node's. Returns why the connection is refused, if so.
   */
  meet(node: NodeId, theirs: PeerStanding, met: Met): OperatingError | undefined {
    const otherRing = this.otherRing(node, theirs)
    if (otherRing !== undefined) return otherRing
    const lost = met.directories.filter((directory) => !this.#isOwn(directory))
    if (lost.length > 0) return this.#onEmptied(lost)
    if (met.directories[0] === this.#options.id && met.durable > this.#options.durable()) {
      if (!this.#isSetBack) this.lose('set-back')
      // It is admitted once that is written down.
      if (!this.#isToldRebuilding) return refusal(node, SET_BACK)
    }
    return this.#remember(node, theirs)
  }

  #remember(node: NodeId, theirs: PeerStanding): OperatingError | undefined {
    const { directory, replaced, durable, isRebuilding } = theirs
    if (directory === '') return undefined
    const known = this.metOf(node)
    if (known.directories[0] === directory) {
      if (durable < known.durable && !isRebuilding) return refusal(node, SET_BACK)
      this.#met.set(node, { directories: known.directories, durable })
      if (durable < known.durable) void this.#file.save()
      return undefined
    }
    if (known.directories.some((one) => one !== directory && !replaced.includes(one))) {
      return refusal(node, EMPTIED)
    }
    this.#met.set(node, { directories: limited([directory, ...replaced]), durable })
    void this.#file.save()
    return undefined
  }

  /** A member says how far its log is durable. */
  hear(node: NodeId, durable: number): void {
    const { directories, durable: before } = this.metOf(node)
    if (durable > before) this.#met.set(node, { directories, durable })
  }

  /** Resolves with true once all that was heard is written down. */
  remember(): Promise<boolean> {
    return this.#file.save()
  }

  /** Why a node that places keys otherwise is refused, and what differs. */
  otherRing(node: NodeId, { placement }: PeerStanding): OperatingError | undefined {
    const theirs = parsePlacement(placement)
    if (theirs === undefined) return undefined
    const differences = differencesOf(theirs, this.#options.placement)
    if (differences.length === 0) return undefined
    return new OperatingError(
      'ring-differs',
      `node ${node} has another ring; compared with it, here ${differences.join('; ')}: give all` +
        ' nodes one list of members, the same partitions and the same n',
    )
  }

  #isOwn(directory: string): boolean {
    return directory === this.#options.id || this.#replaces.includes(directory)
  }

  /** A connection to another member is open; or no other member could have held what was lost. */
  admitted(): void {
    if (this.#state === 'new') this.#become('whole')
  }

  /** Another member has met directories of this node that are lost. */
  #onEmptied(lost: readonly string[]): OperatingError {
    const reason = new OperatingError('data-emptied', EMPTIED)
    if (!this.#options.mayRebuild) {
      // Where no other member is needed it has been taken for whole.
      this.#become('new')
      this.onFailed(reason)
      return reason
    }
    this.#replaces = limited([...lost, ...this.#replaces])
    this.lose('emptied')
    return reason
  }

  /** Something of what this node acknowledged is not here any more. */
  lose(why: Loss): void {
    this.#options.trace.record('rebuild-begun', { why })
    if (why === 'set-back') this.#isSetBack = true
    this.#become('rebuilding')
    this.onRebuild(why)
  }

  /** Everything was got back from the other owners, and is durable here. */
  rebuilt(): Promise<boolean> {
    this.#options.trace.record('rebuild-ended')
    this.#lost = this.#options.lost
    this.#become('whole')
    return this.#file.save()
  }

  /** Resolves when everything is written, or there is no room for it. */
  close(): Promise<void> {
    return this.#file.close()
  }

  #become(state: DirectoryState): void {
    this.#state = state
    void this.#file.save()
  }

  async #write(): Promise<void> {
    const { directory } = this.#options
    const [state, lost] = [this.#state, this.#lost]
    const [replaces, met] = [this.#replaces, new Map(this.#met)]
    await this.floorsWritten()
    if (directory !== undefined) await writeStanding(directory, { state, lost, replaces, met })
    this.#toldReplaces = replaces
    this.#isToldRebuilding = state === 'rebuilding'
  }
}

function limited(directories: readonly string[]): readonly string[] {
  return [...new Set(directories)].slice(0, DIRECTORIES_MET_MAX)
}

function refusal(node: NodeId, why: string): OperatingError {
  return new OperatingError('data-emptied', `member ${node} is refused: ${why}`)
}
