/**
 * Print the result of a seed: its scenario, what happened, the last events and the violations.
 *
 * Returns text, so that your test can print a failure as `everwrite simulate` does. The command in
 * the report repeats the failure: it names the seed, and has the scenario if the seed does not draw
 * it.
 */
import { NO_RING_CHANGES } from '../cluster/ring-changes.ts'
import type { MadeBucket } from '../cluster/made-buckets.ts'
import { FAULT_KINDS, type FaultKind, type Scenario } from '../scenario.ts'
import type { SimulateResult } from './simulate.ts'

/** Names the columns of `SimulateResult.lines`. */
const EVENT_HEADER: string = [
  'seconds'.padStart(12),
  ` ${'who'.padEnd(8)}`,
  'weight'.padEnd(8),
  'event'.padEnd(22),
  'fields',
].join(' ')

/** Of a run whose process died. */
export const NO_DIGEST = 'none'

const COLUMNS_MAX = 100
const LABEL_CHARS = 10
const VIOLATIONS_SHOWN = 20
const KINDS_A_LINE = 4

/** The scenario, readable. */
export function scenarioLines(scenario: Scenario): readonly string[] {
  const { nodes, machines, partitions, clients, keys, rounds } = scenario
  const buckets: readonly Partial<MadeBucket>[] = [...scenario.buckets, ...(scenario.created ?? [])]
  const quorums = buckets.map(({ name, n, r, w, isLastOnly, isInterval }) => {
    const policy = isLastOnly === true ? ', the last write alone' : ''
    const durability = isInterval === true ? ', acknowledged unsynced' : ''
    return `${name} N=${n} R=${r} W=${w}${policy}${durability}`
  })
  const omitted = scenario.omitted.length
  return [
    row(
      'cluster',
      `${counted(nodes, 'node')} on ${counted(machines, 'machine')}, ` +
        counted(partitions, 'partition'),
    ),
    row('buckets', quorums.join('; ')),
    row(
      'nodes',
      `segments of ${number(scenario.segmentBytes)} bytes, ` +
        `${number(scenario.hintBytes)} for hints, ` +
        `${number(scenario.callsMax)} calls at once, a second read after ${scenario.hedgeMs} ms`,
    ),
    row(
      'memory',
      `${number(scenario.messageBytes)} bytes for messages, ${number(scenario.windowBytes)} of ` +
        'each kind on one connection',
    ),
    row(
      'disks',
      `${percent(scenario.residentChance)} of what is read lies in memory, ` +
        `${percent(scenario.shortReadChance)} of reads come short`,
    ),
    row('network', `${percent(scenario.cutChance)} of what is sent arrives cut into pieces`),
    row(
      'clients',
      `${clients}, ${scenario.sessions} with a session, on ${counted(keys, 'key')} at a time, ` +
        'values up to ' +
        `${number(scenario.valueBytesMax)} bytes (${percent(scenario.longValueChance)} long), ` +
        `${scenario.thinkMsMax} ms at most between ` +
        'two operations',
    ),
    ...wrapped('faults', `one in ${scenario.everyMs} ms of`, scenario.faults),
    ...(omitted === 0 ? [] : [row('left out', `${number(omitted)} of the faults drawn`)]),
    row(
      'until',
      `${number(scenario.acknowledged)} writes acknowledged and ${scenario.faultsMin} faults ` +
        `took effect, in ${counted(rounds, 'round')}`,
    ),
  ]
}

/** What came of one seed, with its last `events`. */
export function resultLines(result: SimulateResult, events: number): readonly string[] {
  const effects = sum(result.faults.values())
  const kinds = [...result.faults].map(([kind, count]) => `${kind} ${count}`)
  const shown = events === 0 ? [] : result.lines.slice(-events)
  return [
    row(
      'happened',
      `${number(result.operations)} operations, ${number(result.acknowledged)} writes ` +
        `acknowledged, ${number(result.deliveries)} deliveries, ` +
        `${(result.simulatedMs / 1000).toFixed(1)} s simulated`,
    ),
    ...wrapped('effects', `${counted(effects, 'fault')}${effects === 0 ? '' : ':'}`, kinds),
    row('withheld', `${counted(result.withheld, 'fault')} beyond the promise`),
    row('crashes', `${number(result.crashesInWrites)} during a write`),
    row(
      'hints',
      `${number(result.hintsDelivered)} delivered; two owners of a key were ` +
        `${result.hadTwoAway ? '' : 'never '}away at once`,
    ),
    row(
      'rounds',
      `${number(result.rounds)} adopted; ${number(result.reaped)} deletes went for good`,
    ),
    row('lost', `${counted(result.unsyncedLost, 'write')} that a bucket does not promise`),
    row('keys', `${counted(result.rotations, 'cluster key')} made`),
    row('sessions', `${counted(result.sessionGets, 'get')} with receipts to cover`),
    ...(shown.length === 0 ? [] : ['', EVENT_HEADER, ...shown]),
    '',
    ...verdictLines(result),
  ]
}

function verdictLines({ seed, violations, digest }: SimulateResult): readonly string[] {
  if (violations.length === 0) return [`seed ${seed}: nothing is wrong; digest ${digest}`]
  const more = violations.length - VIOLATIONS_SHOWN
  return [
    `seed ${seed} failed: ${counted(violations.length, 'violation')}; digest ${digest}`,
    ...violations.slice(0, VIOLATIONS_SHOWN).map((violation) => `  ${violation}`),
    ...(more > 0 ? [`  and ${number(more)} more`] : []),
  ]
}

/** What brings it again. Requires: no name in `scenario` holds a quotation mark. */
export function replayCommand(seed: number, scenario?: Scenario): string {
  if (scenario === undefined) return `everwrite simulate --seed ${seed}`
  return `echo '${JSON.stringify({ seed, scenario })}' | everwrite simulate --scenario -`
}

/** Of a run that ended before it could be judged. */
export function unfinished(seed: number, scenario: Scenario, violation: string): SimulateResult {
  return {
    seed,
    scenario,
    violations: [violation],
    acknowledged: 0,
    operations: 0,
    faults: new Map(),
    drawn: [],
    withheld: 0,
    crashesInWrites: 0,
    hadTwoAway: false,
    hintsDelivered: 0,
    rounds: 0,
    reaped: 0,
    unsyncedLost: 0,
    ...NO_RING_CHANGES,
    joined: 0,
    rotations: 0,
    writes: 0,
    deletes: 0,
    sessionGets: 0,
    deliveries: 0,
    simulatedMs: 0,
    digest: NO_DIGEST,
    lines: [],
  }
}

/** Many seeds, counted. */
export class Tally {
  seeds = 0
  failed = 0
  acknowledged = 0
  operations = 0
  withheld = 0
  crashesInWrites = 0
  /** Seeds in which two owners of a key were away at once. */
  hadTwoAway = 0
  hintsDelivered = 0
  rounds = 0
  reaped = 0
  unsyncedLost = 0
  writes = 0
  deletes = 0
  sessionGets = 0
  deliveries = 0
  simulatedMs = 0
  /** Of processors. */
  cpuMs = 0
  /** Faults that took effect. */
  readonly faults: Map<FaultKind, number> = new Map(FAULT_KINDS.map((kind) => [kind, 0]))
  /** The least that any seed had. */
  readonly least = { acknowledged: Infinity, faults: Infinity, crashesInWrites: Infinity }

  add(result: SimulateResult, cpuMs: number): void {
    const { acknowledged, crashesInWrites } = result
    this.seeds += 1
    if (result.violations.length > 0) this.failed += 1
    this.acknowledged += acknowledged
    this.operations += result.operations
    this.withheld += result.withheld
    this.crashesInWrites += crashesInWrites
    if (result.hadTwoAway) this.hadTwoAway += 1
    this.hintsDelivered += result.hintsDelivered
    this.rounds += result.rounds
    this.reaped += result.reaped
    this.unsyncedLost += result.unsyncedLost
    this.writes += result.writes
    this.deletes += result.deletes
    this.sessionGets += result.sessionGets
    this.deliveries += result.deliveries
    this.simulatedMs += result.simulatedMs
    this.cpuMs += cpuMs
    for (const [kind, count] of result.faults) {
      this.faults.set(kind, (this.faults.get(kind) ?? 0) + count)
    }
    const { least } = this
    least.acknowledged = Math.min(least.acknowledged, acknowledged)
    least.faults = Math.min(least.faults, sum(result.faults.values()))
    least.crashesInWrites = Math.min(least.crashesInWrites, crashesInWrites)
  }

  get deliveriesPerCoreSecond(): number {
    return Math.floor(this.deliveries / (this.cpuMs / 1000))
  }

  /** Kinds that never took effect. */
  get missing(): readonly FaultKind[] {
    return FAULT_KINDS.filter((kind) => this.faults.get(kind) === 0)
  }

  /** Requires: at least one seed was added. */
  lines(elapsedMs: number): readonly string[] {
    const { least } = this
    const ratio = this.simulatedMs / elapsedMs
    return [
      row('seeds', `${number(this.seeds)}, ${number(this.failed)} failed`),
      row(
        'writes',
        `${number(this.acknowledged)} acknowledged, at least ${number(least.acknowledged)} a ` +
          `seed; ${number(this.unsyncedLost)} lost that their buckets do not promise`,
      ),
      row(
        'faults',
        `${number(sum(this.faults.values()))} took effect, at least ${least.faults} a seed; ` +
          `${number(this.withheld)} withheld as beyond the promise`,
      ),
      ...this.#faultLines(),
      row(
        'crashes',
        `${number(this.crashesInWrites)} during a write, at least ${least.crashesInWrites} a seed`,
      ),
      row(
        'deletes',
        `${percent(this.deletes / this.writes)} of all writes; ${number(this.rounds)} rounds ` +
          `adopted, after which ${number(this.reaped)} deletes went for good`,
      ),
      row(
        'hints',
        `${number(this.hintsDelivered)} delivered; two owners of a key were away at once in ` +
          counted(this.hadTwoAway, 'seed'),
      ),
      row(
        'speed',
        `${number(this.deliveriesPerCoreSecond)} deliveries per core-second; ` +
          `${number(this.simulatedMs / 1000)} s simulated in ${(elapsedMs / 1000).toFixed(1)} s ` +
          `(${ratio.toFixed(1)} to 1)`,
      ),
    ]
  }

  #faultLines(): readonly string[] {
    const cells = [...this.faults].map(
      ([kind, count]) => `${kind.padEnd(14)} ${number(count).padStart(6)}`,
    )
    const lines: string[] = []
    for (let i = 0; i < cells.length; i += KINDS_A_LINE) {
      lines.push(row('', cells.slice(i, i + KINDS_A_LINE).join('  ')))
    }
    return lines
  }
}

function row(label: string, text: string): string {
  return `${label.padEnd(LABEL_CHARS)}${text}`
}

/** Words after a head, with commas between, in as many lines as they need. */
function wrapped(label: string, head: string, words: readonly string[]): readonly string[] {
  const lines: string[] = []
  let current = row(label, head)
  words.forEach((word, i) => {
    const cell = i < words.length - 1 ? `${word},` : word
    if (current.length + 1 + cell.length <= COLUMNS_MAX) {
      current += ` ${cell}`
      return
    }
    lines.push(current)
    current = row('', cell)
  })
  return [...lines, current]
}

/** `1 node`, `3 nodes`. */
export function counted(count: number, one: string): string {
  return `${number(count)} ${count === 1 ? one : `${one}s`}`
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function percent(chance: number): string {
  return `${Math.round(chance * 100)} %`
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
