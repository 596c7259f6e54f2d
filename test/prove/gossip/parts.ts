/** The claims of the proof, in parts that run alone, each with its bars. */
import type { Verdict } from '../proof.ts'
import {
  type CalmRun,
  runCalm,
  runCut,
  runPaused,
  runSilences,
  runStalled,
  runSlow,
  runStarved,
  secondsOf,
  type StalledOptions,
  type StalledRun,
} from './scenarios.ts'

/** How much each part runs. */
export interface Scale {
  readonly seed: number
  readonly calmMembers: number
  /** All together, and those in which nothing changes. */
  readonly calmSeconds: number
  readonly steadySeconds: number
  readonly sizes: readonly number[]
  readonly stalledMembers: number
  readonly stalledHours: number
  readonly smallHours: number
  readonly lateHours: number
  readonly silences: number
  /** Also of those that read late. */
  readonly starvedSeconds: number
  readonly pausedSeconds: number
  readonly cutMembers: readonly number[]
  readonly cutSeeds: number
}

export const FULL: Omit<Scale, 'seed'> = {
  calmMembers: 2_000,
  calmSeconds: 1_800,
  steadySeconds: 600,
  sizes: [100, 500, 2_000],
  stalledMembers: 100,
  stalledHours: 24,
  smallHours: 24,
  lateHours: 4,
  silences: 1_000,
  starvedSeconds: 3_600,
  pausedSeconds: 3_600,
  cutMembers: [10, 100, 300],
  cutSeeds: 2,
}

export const SHORT: Omit<Scale, 'seed'> = {
  calmMembers: 64,
  calmSeconds: 900,
  steadySeconds: 60,
  sizes: [20, 200],
  stalledMembers: 60,
  stalledHours: 0.5,
  smallHours: 2,
  lateHours: 0.5,
  silences: 100,
  starvedSeconds: 600,
  pausedSeconds: 3_600,
  cutMembers: [40],
  cutSeeds: 2,
}

export type Say = (line: string) => void
export type Part = (scale: Scale, say: Say) => Verdict

/** Rounds, one a second, for each doubling of the members. */
const ROUNDS_PER_DOUBLING = 3
const STEADY_RATIO = 1.5
const STEADY_BYTES = 100
const BUSY_BYTES = 800
const STALLED_SHARE = 0.2
/** After a death, until all know it: calm and large, stalled and small. */
const CALM_DEATH_SECONDS = 45
const STALLED_DEATH_SECONDS = 25
/** A small cluster declares deaths sooner, and gets milder faults (G20 of the field's bars). */
const SMALL_MEMBERS = 7
const SMALL_LOST_SHARE = 0.2
const SMALL_PAUSE_MS_MAX = 3_000
/** Until four members suspect the fifth, which has stopped: 0.5 s less than `detect` allows. */
const SILENT_MEMBERS = 5
const SUSPECTED_SECONDS = 2
const STARVED_MEMBERS = 50
const STARVED = 5
const SLOW_MS = 1_500
/** A fiftieth of what it is without local health, and less. */
const SLOW_RATE = 20
const PAUSED_MEMBERS = 40
const PAUSED_STALLED_SHARE = 0.1
const HEALED_SECONDS = 60
const WARM_UP_AND_END_SECONDS = 190
const STEADY_SECONDS = 60

export const PARTS = {
  stalled,
  calm,
  small,
  late,
  bytes,
  starved,
  slow,
  paused,
  cut,
} as const satisfies Record<string, Part>
export type PartName = keyof typeof PARTS

function calm(scale: Scale, say: Say): Verdict {
  const { seed, calmMembers: members, calmSeconds, steadySeconds } = scale
  const busyMs = 1_000 * (calmSeconds - WARM_UP_AND_END_SECONDS - steadySeconds)
  const run = runCalm({ seed, members, steadyMs: 1_000 * steadySeconds, busyMs })
  const spread = spreadOf(members, run)
  const deaths = deathsOf(run, CALM_DEATH_SECONDS, say)
  const isMet = run.differing === 0 && run.busyBytes <= BUSY_BYTES
  return all([
    spread,
    deaths,
    {
      isMet,
      figure:
        `${run.differing} sets differ in the end (bar 0), ${run.busyBytes.toFixed(0)} bytes a ` +
        `node and second amid changes (bar ${BUSY_BYTES})`,
    },
  ])
}

function bytes({ seed, sizes }: Scale, say: Say): Verdict {
  const rates = sizes.map((members) => {
    const run = runCalm({ seed, members, steadyMs: 1_000 * STEADY_SECONDS, busyMs: 0 })
    say(`  ${members} members: ${run.steadyBytes.toFixed(1)} bytes a node and second`)
    return run.steadyBytes
  })
  const ratio = Math.max(...rates) / Math.min(...rates)
  const told = sizes.map((members, i) => `${members}: ${rates[i]?.toFixed(1)}`).join(', ')
  return {
    isMet: ratio <= STEADY_RATIO && Math.max(...rates) <= STEADY_BYTES,
    figure:
      `bytes a node and second, by members: ${told} (bar ${STEADY_BYTES}), ratio ` +
      `${ratio.toFixed(3)} (bar ${STEADY_RATIO})`,
  }
}

function stalled({ seed, stalledMembers: members, stalledHours: hours }: Scale, say: Say): Verdict {
  return stalledFor({ seed, members, stalledShare: STALLED_SHARE, hours }, say)
}

function small({ seed, smallHours: hours }: Scale, say: Say): Verdict {
  const faults = { lostShare: SMALL_LOST_SHARE, pauseMsMax: SMALL_PAUSE_MS_MAX, isOneStarved: true }
  return stalledFor({ seed, members: SMALL_MEMBERS, hours, ...faults }, say)
}

/** As `small`, while links ask for signs of life, so that members are probed before their turn. */
function late({ seed, lateHours: hours, silences }: Scale, say: Say): Verdict {
  const faults = { lostShare: SMALL_LOST_SHARE, pauseMsMax: SMALL_PAUSE_MS_MAX, isOneStarved: true }
  const asking = { seed, members: SMALL_MEMBERS, hours, ...faults, isAsking: true }
  const times = runSilences(seed, SILENT_MEMBERS, silences)
  const { middle, most } = secondsOf(times)
  return all([
    {
      isMet: most <= SUSPECTED_SECONDS,
      figure:
        `${silences} stops of 3 to 5 s suspected by all after ${middle.toFixed(2)} s in the ` +
        `middle, ${most.toFixed(2)} s at most (bar ${SUSPECTED_SECONDS})`,
    },
    stalledFor(asking, say),
  ])
}

function stalledFor(options: StalledOptions, say: Say): Verdict {
  const { members, hours } = options
  const run = runStalled(options)
  const rate = run.falseSuspicions / members / (3_600 * hours)
  say(`  ${rate.toFixed(2)} members a second are suspected and contradict; a node sends`)
  say(`  ${run.busyBytes.toFixed(0)} bytes a second`)
  return all([
    spreadOf(members, run),
    deathsOf(run, STALLED_DEATH_SECONDS, say),
    {
      isMet: run.wronglyDead === 0 && run.busyBytes <= BUSY_BYTES,
      figure:
        `${run.wronglyDead} held for dead in the end (bar 0), ` +
        `${run.busyBytes.toFixed(0)} bytes a node and second (bar ${BUSY_BYTES})`,
    },
  ])
}

function starved({ seed, starvedSeconds }: Scale): Verdict {
  const run = runStarved(seed, STARVED_MEMBERS, STARVED, 1_000 * starvedSeconds)
  return {
    isMet: run.suspicions === 0 && run.falseDeaths === 0,
    figure:
      `${STARVED} starved of ${STARVED_MEMBERS} members for ${starvedSeconds} s: ` +
      `${run.suspicions} suspicions of the others (bar 0), ${run.falseDeaths} deaths (bar 0)`,
  }
}

function slow({ seed, starvedSeconds }: Scale): Verdict {
  const run = runSlow(seed, STARVED_MEMBERS, STARVED, SLOW_MS, 1_000 * starvedSeconds)
  const rate = (3_600 * run.suspicions) / STARVED_MEMBERS / STARVED / starvedSeconds
  return {
    isMet: rate <= SLOW_RATE && run.falseDeaths === 0,
    figure:
      `${STARVED} of ${STARVED_MEMBERS} members read all ${SLOW_MS} ms late: a member hears ` +
      `${rate.toFixed(0)} suspicions of each of these an hour (bar ${SLOW_RATE}), ` +
      `${run.falseDeaths} deaths (bar 0)`,
  }
}

function paused({ seed, pausedSeconds }: Scale): Verdict {
  const run = runPaused(seed, PAUSED_MEMBERS, PAUSED_STALLED_SHARE, 1_000 * pausedSeconds)
  return {
    isMet: run.falseDeaths === 0,
    figure:
      `${PAUSED_MEMBERS} members, one of which stops every 1.5 s for up to 4.9 s, and 10 % of ` +
      `whose connections are stalled: ` +
      `${run.falseDeaths} deaths (bar 0)`,
  }
}

function cut({ seed, cutMembers, cutSeeds }: Scale, say: Say): Verdict {
  const seconds: number[] = []
  for (const members of cutMembers) {
    const times = Array.from({ length: cutSeeds }, (_, i) => {
      return runCut(seed + i, members, i % 2 === 1).equalMs
    })
    say(`  ${members} members: equal after ${times.map((ms) => ms / 1_000).join(', ')} s`)
    seconds.push(...times.map((ms) => ms / 1_000))
  }
  const most = Math.max(...seconds)
  return {
    isMet: most <= HEALED_SECONDS,
    figure:
      `${seconds.length} cuts healed: all sets equal and none held for dead after ${most} s ` +
      `at most (bar ${HEALED_SECONDS})`,
  }
}

function spreadOf(members: number, run: CalmRun | StalledRun): Verdict {
  const { middle, most } = secondsOf(run.spreadMs)
  const bar = ROUNDS_PER_DOUBLING * Math.log2(members)
  return {
    isMet: middle <= bar && run.openSpreads === 0,
    figure:
      `${members} members: ${run.spreadMs.length} changes known to all after ` +
      `${middle.toFixed(1)} s in the middle (bar ${bar.toFixed(1)}), ${most.toFixed(1)} s at ` +
      `most, ${run.openSpreads} never (bar 0)`,
  }
}

function deathsOf(run: CalmRun | StalledRun, bar: number, say: Say): Verdict {
  for (const how of ['closed', 'silent']) {
    const some = run.deaths.filter((death) => death.how === how)
    const first = secondsOf(some.map(({ firstMs }) => firstMs))
    const heard = secondsOf(some.map(({ allMs }) => allMs))
    say(
      `  ${some.length} deaths, ${how}: declared after ${first.middle.toFixed(1)} s, ` +
        `${first.most.toFixed(1)} at most; known to all after ${heard.middle.toFixed(1)} s, ` +
        `${heard.most.toFixed(1)} at most`,
    )
  }
  const { most } = secondsOf(run.deaths.map(({ allMs }) => allMs))
  const count = run.deaths.length
  if (run.firstFalse !== '') say(`  the first false death: ${run.firstFalse}`)
  return {
    isMet: run.falseDeaths === 0 && run.openDeaths === 0 && most <= bar && count > 0,
    figure:
      `${run.falseDeaths} false deaths (bar 0), ${count} true ones known to all after ` +
      `${most.toFixed(1)} s at most (bar ${bar}), ${run.openDeaths} never (bar 0)`,
  }
}

function all(verdicts: readonly Verdict[]): Verdict {
  return {
    isMet: verdicts.every(({ isMet }) => isMet),
    figure: verdicts.map(({ figure }) => figure).join('; '),
  }
}
