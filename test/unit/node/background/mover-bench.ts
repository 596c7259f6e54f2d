/** A filler alone: the owners that it asks are the test's. */
import { u64 } from '../../../../src/base/u64.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import { type NodeId, type Start, startId } from '../../../../src/dynamo/names.ts'
import { NO_ROUND } from '../../../../src/dynamo/repair/round.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import type { Stages } from '../../../../src/dynamo/ring/stages.ts'
import { Mover, type MoverDependencies } from '../../../../src/node/background/mover.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { PeerCalls } from '../../../../src/node/cluster/peer-calls.ts'
import type { EndedMove } from '../../../../src/node/cluster/rings.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { MoveStep } from '../../../../src/wire/message/peer.ts'
import type { Clock } from '../../../../src/world/clock.ts'

const START = startId('1'.repeat(16))
const STEPS: ReadonlyMap<MoveStep, string> = new Map([
  [MoveStep.close, 'close'],
  [MoveStep.end, 'end'],
  [MoveStep.reopen, 'reopen'],
])

export class FillerBench {
  readonly sim = new SimWorld({ seed: 1 })
  readonly mover: Mover
  /** What was asked of each owner, in order; an exchange as `compare`. */
  readonly asked: { readonly node: NodeId; readonly what: string }[] = []
  readonly ended: EndedMove[] = []
  readonly starts = new Map<NodeId, Start>()
  /** Called at each question; what it returns is the answer, if anything. */
  onAsked: (node: NodeId, what: string) => OperatingError | undefined = () => undefined
  readonly rings = {
    isFrozen: false,
    view: { isOnOtherDisk: false },
    end: (moves: readonly EndedMove[]): Promise<boolean> => {
      this.ended.push(...moves)
      for (const { n, partition, stage } of moves) {
        this.stages.advance(partition, n, stage.done + 1, true)
      }
      return Promise.resolve(true)
    },
  }
  /** Above 0: each page of a transfer takes so long, and none is the last one. */
  pageMs = 0
  readonly #clock: Clock
  /** What a transfer brings are no records. */
  isGarbled = false
  readonly stages: Stages
  /** That of the other members. */
  directory = 'first'
  readonly #self: NodeId

  /** `hasTransfers`: its engine takes copies in bulk. */
  constructor(self: NodeId, stages: Stages, hasTransfers = false) {
    this.#self = self
    this.stages = stages
    const { clock, trace } = this.sim.start(1)
    this.#clock = clock
    const { ring } = stages.table
    const topology = { self: { id: self }, stages, ring, lists: new StagedLists(stages) }
    const replica = {
      start: START,
      lastSequence: 0,
      whenSynced: (_: number, done: (error: undefined) => void) => done(undefined),
    }
    const work = { rest: () => Promise.resolve(), pause: () => undefined, resume: () => undefined }
    const open = (): unknown => (this.isGarbled ? undefined : { count: 0 })
    const given = {
      engine: hasTransfers ? { transfers: { open } } : {},
      counters: new Counters(),
      ...{ clock, trace, replica, rings: this.rings, peers: this.#peers() },
      topology: {
        ...topology,
        nameOf: (id: NodeId) => id,
        ns: [],
        digestOfBranches: () => stages.digest,
      },
      trees: { isBuilt: true, sum: () => u64(0, 0) },
      floors: { adopted: NO_ROUND },
      pacing: { work: () => work },
      standing: { metOf: () => ({ directories: [this.directory] }) },
    }
    this.mover = new Mover(given as unknown as MoverDependencies)
    this.mover.begin()
  }

  /** Those of the owners whose state was compared, or which were asked to do something. */
  get steps(): readonly string[] {
    return this.asked.map(({ what }) => what)
  }

  #ask(node: NodeId, what: string): OperatingError | undefined {
    this.asked.push({ node, what })
    return this.onAsked(node, what)
  }

  #peers(): Pick<PeerCalls, 'rounds' | 'compareTrees' | 'move' | 'transfer' | 'end' | 'lieIn'> {
    return {
      transfer: (node, { from }, _, deliver) => {
        const end = { segment: 1, offset: 32 }
        const next = { segment: 0, offset: (from?.offset ?? 0) + 1 }
        const page = { records: new Uint8Array(1), next: undefined, end, rotten: 0 }
        if (this.pageMs === 0) return deliver(this.#ask(node, 'transfer') ?? page)
        const answer = this.#ask(node, 'transfer') ?? { ...page, next }
        this.#clock.after(this.pageMs, () => deliver(answer))
      },
      end: () => undefined,
      lieIn: () => undefined,
      rounds: (node, _, __, ___, deliver) => {
        const start = this.starts.get(node) ?? START
        const state = { start, adopted: NO_ROUND, isWhole: true }
        deliver(state as unknown as Parameters<typeof deliver>[0])
      },
      compareTrees: (node, _, __, deliver) => deliver(this.#ask(node, 'compare') ?? []),
      move: (node, { step, attempt, n, partitions }, _, deliver) => {
        const failure = this.#ask(node, STEPS.get(step) ?? 'take')
        if (failure !== undefined) return deliver(failure)
        if (step === MoveStep.end) {
          for (const one of partitions) {
            this.stages.advance(one, n, this.stages.of(one, n).done + 1, true)
          }
        }
        deliver({ attempt: step === MoveStep.close ? u64(0, 7) : attempt, isWhole: true })
      },
    }
  }

  /** Moves that this member is still to fill. */
  get left(): number {
    const { stages } = this
    const all = Array.from({ length: stages.table.ring.partitionCount }, (_, i) => i)
    return all.filter((one) => stages.of(one, 3).filler === this.#self).length
  }
}

export function away(): OperatingError {
  return new OperatingError('peer-away', 'the test says so')
}
