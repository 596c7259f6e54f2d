/**
 * How this node stands with the other members: whether its data directory holds all that it
 * acknowledged.
 *
 *     new ──── a member that has met no other directory of this node ────► whole
 *      │                                                                    ▲ │
 *      └── a member that has: the disk was emptied ──► rebuilding ─ all read┘ │
 *                                                          ▲──────────────────┘
 *
 * In the handshake each side names its directory, and remembers the other's. A member that comes
 * with another directory than before has lost what it acknowledged, and "nothing here" from it
 * would count towards R as if it had looked. So it is refused until it says that its directory
 * replaces the lost one, which it says once it is rebuilding. A member that no other has met is
 * new: nothing was acknowledged by it.
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
import { shortageOf } from '../../store/log/shortage.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { PeerStanding } from '../../wire/handshake-steps.ts'
import type { Trace } from '../../world/trace.ts'

export interface OwnStandingOptions {
  /** The id of the data directory. */
  readonly id: string
  /** Where the standing is kept; undefined if the engine is not durable. */
  readonly directory: Directory | undefined
  /** The configured one. */
  readonly placement: Placement
  /** The highest sequence of the engine that is durable now. */
  readonly durable: () => number
  /** A node that finds itself emptied rebuilds, instead of ending. */
  readonly mayRebuild: boolean
  readonly clock: Clock
  readonly trace: Trace
}

/** Before the file is written again that the disk had no room for. */
const RETRY_MS = 1_000

const EMPTIED =
  'the other members know another data directory of this node, and this one lacks what that held:' +
  ' put the old directory back, or start this node with --rebuild, to read its copies from the' +
  ' others'

export class OwnStanding {
  readonly #options: OwnStandingOptions
  #state: DirectoryState
  #replaces: readonly string[]
  /** Those that are written down: a member that hears of one forgets the lost directory. */
  #toldReplaces: readonly string[]
  readonly #met: Map<NodeId, readonly string[]>
  /** The last write of the file, and whatever waits for it. */
  #written: Promise<void> = Promise.resolve()
  #isDirty = false
  #isClosed = false
  /** Ends the pause before a write is tried again. */
  #wake: (() => void) | undefined
  /** Called once the node is to be rebuilt. */
  onRebuild: () => void = () => undefined
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined

  private constructor(options: OwnStandingOptions, { state, replaces, met }: Standing) {
    this.#options = options
    this.#state = state
    this.#replaces = replaces
    this.#toldReplaces = replaces
    this.#met = new Map(met)
  }

  /** Fails with `data-rotten`. */
  static async open(options: OwnStandingOptions): Promise<OwnStanding> {
    const { directory } = options
    const standing = directory === undefined ? NEW_STANDING : await readStanding(directory)
    return new OwnStanding(options, standing)
  }

  get state(): DirectoryState {
    return this.#state
  }

  get isWhole(): boolean {
    return this.#state.kind === 'whole'
  }

  /** What this node says of itself in the handshake. */
  get shown(): PeerStanding {
    const { id: directory, placement, durable } = this.#options
    const replaced = this.#toldReplaces
    return { directory, replaced, placement: JSON.stringify(placement), durable: durable() }
  }

  /** The directories of a member that this node has met, the last first. */
  metOf(node: NodeId): readonly string[] {
    return this.#met.get(node) ?? []
  }

  /**
   * A member proved itself in a handshake: remembers its directory. `met` are those of this node
   * that it has met. Returns why the connection is refused, if so.
   */
  meet(node: NodeId, theirs: PeerStanding, met: readonly string[]): OperatingError | undefined {
    const otherRing = this.otherRing(node, theirs)
    if (otherRing !== undefined) return otherRing
    const lost = met.filter((directory) => !this.#isOwn(directory))
    if (lost.length > 0) return this.#onEmptied(lost)
    const { directory, replaced } = theirs
    if (directory === '') return undefined
    const known = this.metOf(node)
    if (known[0] === directory) return undefined
    if (known.some((one) => one !== directory && !replaced.includes(one))) {
      return new OperatingError('data-emptied', `member ${node} is refused: ${EMPTIED}`)
    }
    this.#met.set(node, limited([directory, ...replaced]))
    this.#save()
    return undefined
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
    if (this.#state.kind === 'new') this.#become({ kind: 'whole' })
  }

  /** Another member has met directories of this node that are lost. */
  #onEmptied(lost: readonly string[]): OperatingError {
    const reason = new OperatingError('data-emptied', EMPTIED)
    if (!this.#options.mayRebuild) {
      this.onFailed(reason)
      return reason
    }
    this.#options.trace.record('rebuild-begun')
    this.#replaces = limited([...lost, ...this.#replaces])
    this.#become({ kind: 'rebuilding', next: 0 })
    this.onRebuild()
    return reason
  }

  /** All partitions below `next` have been read from the other owners, and are durable here. */
  rebuilt(next: number): Promise<void> {
    this.#become({ kind: 'rebuilding', next })
    return this.#written
  }

  rebuiltAll(): Promise<void> {
    this.#options.trace.record('rebuild-ended')
    this.#become({ kind: 'whole' })
    return this.#written
  }

  /** Resolves when everything is written, or there is no room for it. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake?.()
    await this.#written
  }

  #become(state: DirectoryState): void {
    this.#state = state
    this.#save()
  }

  /** Writes run one after another, the last with what is then true. */
  #save(): void {
    if (this.#isDirty) return
    this.#isDirty = true
    this.#written = this.#written.then(() => this.#write())
  }

  async #write(): Promise<void> {
    const { directory } = this.#options
    for (;;) {
      this.#isDirty = false
      const [state, replaces, met] = [this.#state, this.#replaces, this.#met]
      try {
        if (directory !== undefined) await writeStanding(directory, { state, replaces, met })
        this.#toldReplaces = replaces
        return
      } catch (cause) {
        if (shortageOf(cause) === undefined) {
          const sentence = 'the disk did not take what this node must remember of the others'
          return this.onFailed(new OperatingError('disk-failed', sentence, { cause }))
        }
        if (this.#isClosed) return
        this.#isDirty = true
        await this.#pause()
      }
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(RETRY_MS, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
    this.#wake = undefined
  }
}

function limited(directories: readonly string[]): readonly string[] {
  return [...new Set(directories)].slice(0, DIRECTORIES_MET_MAX)
}
