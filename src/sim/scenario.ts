/**
 * The scenario of one seed as plain data: the cluster, its clients, and which faults exist.
 *
 * A seed draws a scenario; `shrink.ts` makes a failing one smaller and runs the same seed again.
 * Sizes are tiny on purpose, so that rare paths are common: reads miss the cache, segments end,
 * reads come short, queues are full.
 */
import { Prng } from '../base/prng.ts'
import type { BucketConfig } from '../config.ts'
import { HINT_BYTES_MIN, WINDOW_BYTES } from '../limits.ts'
import type { MadeBucket } from './cluster/made-buckets.ts'
import { MESSAGE_MEMORY_BYTES } from '../wire/session-memory.ts'

/** The kinds of faults: see `faults.ts`, `disk-faults.ts` and `path-faults.ts`. */
export const FAULT_KINDS = [
  // Processes and power.
  'crash',
  'crash-all',
  'crash-in-write',
  'crash-in-start',
  'crash-behind',
  'kill',
  'pause',
  // The network.
  'cut',
  'cut-one-way',
  'isolate',
  'split',
  'swizzle',
  'stall',
  'slow',
  'reset',
  'half-open',
  // Disks that return errors.
  'sync-failure',
  'io-error',
  'slow-disk',
  'full-disk',
  // Disks that lose synced bytes: each counts as a destroyed disk.
  'wipe',
  'restore',
  'spoilt-segment',
  'rot',
  'misdirect',
  'lost-write',
  // Clocks.
  'clock-step',
  'clock-leap',
  'clock-drift',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

/** How often clients do what, as parts of a whole that need not be 1. */
export interface Mix {
  readonly get: number
  readonly update: number
  /** A put without a context. */
  readonly blind: number
  /** A put with a context that may be old. */
  readonly stale: number
  /** A put with two contexts. */
  readonly joined: number
  /** A put that goes on from the newest context, without a read. */
  readonly chained: number
  readonly delete: number
  readonly seen: number
  /** An earlier put once more, as it was. */
  readonly repeat: number
  /** A put with the context of another key: it must be refused. */
  readonly intrude: number
}

export interface Scenario {
  readonly nodes: number
  /** As members state them: where there are fewer than nodes, two nodes or more share one. */
  readonly machines: number
  /** A power of two. */
  readonly partitions: number
  /** The first is the default bucket. */
  readonly buckets: readonly BucketConfig[]
  /** Created while there are faults; undefined: none. */
  readonly created?: readonly MadeBucket[] | undefined
  /** Always `log` where a seed draws it; a node in memory counts as destroyed when it ends. */
  readonly engine: 'log' | 'memory'
  readonly segmentBytes: number
  /** See `Config`: with little space hints are refused, and other nodes are asked. */
  readonly hintBytes: number
  readonly callsMax: number
  readonly hedgeMs: number
  /** See `Config`; a request is repeated for at most a third of `rememberMs`. */
  readonly exchangeMs: number
  readonly roundMs: number
  readonly rememberMs: number
  readonly cleanMs: number
  /** See `Config`: small ones make messages wait for memory. */
  readonly messageBytes: number
  readonly windowBytes: number
  /** See `DiskOptions` and `NetworkOptions`. */
  readonly residentChance: number
  readonly shortReadChance: number
  readonly cutChance: number

  readonly clients: number
  /** Of them, beside the first, those with a session: their gets ask one owner. */
  readonly sessions: number
  /** In use at one time. */
  readonly keys: number
  /** After so many writes the oldest of them gives way to a new one. */
  readonly writesPerKey: number
  readonly valueBytesMax: number
  /** A value is so long that it travels in chunks. */
  readonly longValueChance: number
  /** Between two operations of one client, at most. */
  readonly thinkMsMax: number
  readonly mix: Mix

  readonly faults: readonly FaultKind[]
  /** Between two faults, on average. */
  readonly everyMs: number
  /** Now and then none comes for so long, at most: a round needs some seconds. */
  readonly calmMsMax: number
  /** Chaos comes in so many rounds, with quiet behind each. */
  readonly rounds: number
  /** Between two tables that operators commit, on average; 0: there is one for ever. */
  readonly changeMs: number
  /** Between two cluster keys that operators make, on average; 0: the first signs for ever. */
  readonly rotateMs: number
  /** Until so many writes were acknowledged, all rounds together. */
  readonly acknowledged: number
  /** And until so many faults took effect. */
  readonly faultsMin: number
  /** Faults that are drawn and not injected, by their place among all; and all from a place on. */
  readonly omitted: readonly number[]
  readonly faultsMax: number
}

const ACKNOWLEDGED = 1_000
const FAULTS_MIN = 15
const FAULTS_MAX = 1_000_000
const NODES = [3, 3, 3, 4, 5, 5, 6, 7, 9] as const
const MACHINES_MIN = 4
/** N, R and W: mostly the defaults. */
const QUORUMS: readonly (readonly [number, number, number])[] = [
  [3, 2, 2],
  [3, 2, 2],
  [3, 2, 2],
  [3, 1, 2],
  [3, 1, 3],
  [3, 3, 1],
  [2, 1, 2],
  [4, 2, 3],
  [5, 3, 3],
  [5, 2, 3],
  [1, 1, 1],
]
/** In the scenario of every seed. */
const ALWAYS: ReadonlySet<FaultKind> = new Set(['crash', 'crash-in-write', 'crash-behind'])
/** The weight of deletes, of about a hundred. */
const DELETES = 36
const EXISTS_CHANCE = 0.55
const BUCKET_NAMES = ['default', 'carts', 'flags'] as const
/** Those that are created have an N of their own more often. */
const MADE_NAMES = ['made-1', 'made-2'] as const
const MADE_QUORUMS: readonly (readonly [number, number, number])[] = [
  [3, 2, 2],
  [2, 1, 2],
  [2, 2, 1],
  [5, 3, 3],
  [5, 2, 3],
  [1, 1, 1],
]
const MADE_AFTER_MS_MAX = 4_000

/** The scenario that belongs to `seed`. */
export function drawScenario(seed: number): Scenario {
  const prng = Prng.of(seed, 'scenario')
  const nodes = prng.pick(NODES)
  const possible = QUORUMS.filter(([n]) => n <= nodes)
  const names = BUCKET_NAMES.slice(0, prng.pick([1, 1, 2, 3]))
  const keys = prng.between(2, 12)
  const wire = Prng.of(seed, 'wire')
  const hints = Prng.of(seed, 'hints')
  return {
    nodes,
    machines:
      nodes > MACHINES_MIN && hints.chance(0.5) ? hints.between(MACHINES_MIN, nodes) : nodes,
    partitions: prng.pick([1, 8, 16, 32]),
    buckets: names.map((name) => {
      const [n, r, w] = prng.pick(possible)
      return { name, n, r, w }
    }),
    created: drawMade(Prng.of(seed, 'made buckets'), Prng.of(seed, 'durability'), nodes),
    engine: 'log',
    segmentBytes: prng.pick([400, 2_048, 8_192, 65_536]),
    hintBytes: hints.pick([4_096, HINT_BYTES_MIN, HINT_BYTES_MIN]),
    callsMax: prng.pick([4, 4096, 4096]),
    hedgeMs: prng.pick([5, 50]),
    ...drawRounds(Prng.of(seed, 'rounds')),
    messageBytes: wire.pick([262_144, 1_048_576, MESSAGE_MEMORY_BYTES]),
    windowBytes: wire.pick([65_536, 262_144, WINDOW_BYTES]),
    residentChance: prng.pick([0.9, 0.5, 0.1]),
    shortReadChance: prng.pick([0.02, 0.3]),
    cutChance: prng.pick([0.05, 0.2, 0.5]),
    clients: prng.between(3, 8),
    sessions: hints.pick([0, 1, 2]),
    keys,
    writesPerKey: prng.pick([15, 60, 100_000]),
    valueBytesMax: prng.pick([32, 200, 2_000]),
    longValueChance: wire.pick([0, 0, 0.02]),
    thinkMsMax: prng.pick([0, 5, 20]),
    mix: drawMix(prng),
    faults: FAULT_KINDS.filter((kind) => prng.chance(EXISTS_CHANCE) || ALWAYS.has(kind)),
    everyMs: prng.pick([40, 100, 200]),
    rounds: prng.pick([1, 2, 3]),
    changeMs: Prng.of(seed, 'changes').pick([0, 0, 1_000, 4_000]),
    rotateMs: Prng.of(seed, 'rotations').pick([0, 500, 2_000]),
    acknowledged: ACKNOWLEDGED,
    faultsMin: FAULTS_MIN,
    omitted: [],
    faultsMax: FAULTS_MAX,
  }
}

/** Rounds every few seconds: the time that requests are repeated for is as short. */
function drawRounds(
  prng: Prng,
): Pick<Scenario, 'exchangeMs' | 'roundMs' | 'rememberMs' | 'cleanMs' | 'calmMsMax'> {
  return {
    roundMs: prng.pick([1_000, 5_000]),
    rememberMs: prng.pick([4_000, 4_000, 10_000]),
    cleanMs: prng.pick([100, 500]),
    calmMsMax: prng.pick([1_000, 1_000, 8_000]),
    exchangeMs: prng.pick([500, 1_000, 3_000]),
  }
}

/** None in half of all scenarios. */
function drawMade(prng: Prng, durability: Prng, nodes: number): readonly MadeBucket[] {
  const possible = MADE_QUORUMS.filter(([n]) => n <= nodes)
  return MADE_NAMES.slice(0, prng.pick([0, 0, 1, 2])).map((name) => {
    const [n, r, w] = prng.pick(possible)
    const afterMs = prng.below(MADE_AFTER_MS_MAX)
    const isInterval = durability.chance(0.5)
    return { name, n, r, w, afterMs, isLastOnly: prng.chance(0.5), isInterval }
  })
}

/** Mostly what applications do; each part now and then the greatest. */
function drawMix(prng: Prng): Mix {
  const some = (usual: number): number => usual * prng.pick([0.2, 1, 1, 4])
  return {
    get: some(14),
    update: some(40),
    blind: some(7),
    stale: some(10),
    joined: some(6),
    chained: some(8),
    // A fifth of all writes at least, whatever else there is.
    delete: Math.max(DELETES, some(DELETES)),
    seen: some(1),
    repeat: some(4),
    intrude: 1,
  }
}
