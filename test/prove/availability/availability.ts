/**
 * Shows that clients are served while any one node is killed, paused, cut off or slow, and that
 * writes are accepted while two or all three owners of their keys are down.
 *
 * Five nodes with the defaults, each on a machine and in a network namespace of its own, and one
 * client of the library that is given all of them. Operations are in open loop: one counts from the
 * moment at which it was due. Those under way while an idle process beside the nodes was paused for
 * over 250 ms are left out; where they are many, the machine is too noisy for this proof. So it is
 * where operations are slow before the first fault: the idle process does not notice a machine
 * whose processors are shared with much else.
 *
 * `--only faults` or `--only owners` runs one of the two parts, `--kind KIND` one kind of fault.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Caretaker, requireMeans } from '../machine/caretaker.ts'
import { drive } from '../machine/drive.ts'
import { hostOf, makeNetwork, prefixOf } from '../machine/namespaces.ts'
import { argumentsOf } from '../machine/options.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import type { AvailabilityPlan, AvailabilityResult } from './availability-run.ts'
import { type Kind, KINDS } from './disturbances.ts'
import { SLOW_MS } from './figures.ts'
import type { OwnersDown } from './owners-down.ts'
import { compileSlowDisk, makeControl, slowable } from './slow-disk.ts'

export const proof: Proof = {
  name: 'availability',
  shows: 'clients are served while any one node fails, and write while the owners are down',
  usage: '[--only faults|owners] [--kind KIND] [--times N] [--rate N]',
  run: (args) => {
    const given = argumentsOf(args)
    return availability({
      part: partOf(given.text('only')),
      kinds: kindsOf(given.text('kind')),
      times: given.count('times', TIMES_BAR),
      rate: given.count('rate', RATE),
      seed: given.seed,
      say: (line) => console.log(line),
    })
  },
}

type Part = 'faults' | 'owners' | undefined

interface AvailabilityOptions {
  /** Both parts where it is undefined. */
  readonly part: Part
  readonly kinds: readonly Kind[]
  /** Faults of each kind. */
  readonly times: number
  readonly rate: number
  readonly seed: number
  readonly say: (line: string) => void
}

const MEANS = ['python3', 'nsenter', 'ip', 'nft'] as const
const DRIVER = fileURLToPath(new URL('availability-driver.js', import.meta.url))
const NODES = 5
const CLIENT_PORT = 7400
const PEER_PORT = 7500
const TIMES_BAR = 20
/** Enough for the bar of operations. */
const RATE = 450
const DOWN_MS = 30_000
const OPERATIONS_BAR = 200_000
const FAILED_SHARE_BAR = 1e-5
const LEFT_OUT_SHARE_MAX = 0.001
/** Of operations before the first fault, on a machine that does nothing else: a few. */
const CALM_P99_MS_MAX = 250

async function availability(options: AvailabilityOptions): Promise<Verdict> {
  const { part, kinds, times, rate, seed, say } = options
  say(`seed ${seed}`)
  const caretaker = new Caretaker()
  const root = mkdtempSync(join(tmpdir(), 'everwrite-availability-'))
  try {
    await requireMeans(caretaker, MEANS)
    const library = compileSlowDisk(root)
    const network = await makeNetwork(caretaker, NODES)
    const controls = network.nodes.map((_, i) => join(root, `disk-${i}`))
    controls.forEach(makeControl)
    const places = network.nodes.map((name, i) => ({
      host: hostOf(i),
      clientPort: CLIENT_PORT,
      peerPort: PEER_PORT,
      directory: join(root, `data-${i}`),
      prefix: [...prefixOf(name), ...slowable(library, controls[i] as string)],
    }))
    const plan: AvailabilityPlan = {
      ...{ seed, root, places, controls, kinds, rate },
      namespaces: network.nodes,
      times: part === 'owners' ? 0 : times,
      downMs: part === 'faults' ? 0 : DOWN_MS,
    }
    const terms = { prefix: prefixOf(network.hub), program: DRIVER, plan, say }
    const result = await drive<AvailabilityPlan, AvailabilityResult>(terms)
    tell(result, say)
    return verdictOf(result, plan)
  } finally {
    await caretaker.end()
    rmSync(root, { recursive: true, force: true })
  }
}

function partOf(text: string | undefined): Part {
  if (text === undefined || text === 'faults' || text === 'owners') return text
  throw new CannotRun(`--only takes faults or owners, not ${text}`)
}

function kindsOf(text: string | undefined): readonly Kind[] {
  const kinds = KINDS.filter((kind) => text === undefined || kind === text)
  if (kinds.length > 0) return kinds
  throw new CannotRun(`--kind takes one of ${KINDS.join(', ')}, not ${text}`)
}

function tell(result: AvailabilityResult, say: (line: string) => void): void {
  for (const sentence of [...result.sentences, ...result.troubles]) say(sentence)
  for (const one of [result.before, ...result.kinds]) {
    const causes = Object.entries(one.causes).map(([code, count]) => `${code} ${count}`)
    say(
      `${one.kind}: ${one.faults} faults, ${one.operations} operations, ${one.failed} failed, ` +
        `${one.retried} retried once (${causes.join(', ')}), ${one.slow} over ${SLOW_MS} ms; p50 ` +
        `${one.p50Ms.toFixed(1)} ms, p99 ${one.p99Ms.toFixed(1)} ms, at most ` +
        `${one.maxMs.toFixed(0)} ms; ${one.leftOut} left out`,
    )
  }
  for (const one of result.owners) {
    const codes = Object.entries(one.codes).map(([code, count]) => `, ${code} ${count}`)
    say(
      `${one.down} of 3 owners down: ${one.writes} writes, ${one.accepted} accepted` +
        `${codes.join('')}; at most ${one.maxMs.toFixed(0)} ms, ${one.attemptsMax} attempts; ` +
        `before they were noticed ${one.early.accepted} of ${one.early.writes}`,
    )
  }
}

type Counted = 'faults' | 'operations' | 'leftOut' | 'failed' | 'slow'

/** Throws `CannotRun` where the machine did not run the proof for too much of the time. */
export function verdictOf(result: AvailabilityResult, plan: AvailabilityPlan): Verdict {
  const { before, kinds, owners, acknowledged, missing, wrong, pauses } = result
  const sum = (which: Counted): number => kinds.reduce((total, one) => total + one[which], 0)
  const [operations, leftOut] = [sum('operations'), sum('leftOut')]
  if (leftOut > (operations + leftOut) * LEFT_OUT_SHARE_MAX) {
    throw new CannotRun(
      `this machine is too noisy: an idle process was paused ${pauses} times for over 250 ms, ` +
        `and ${leftOut} of ${operations + leftOut} operations were under way then`,
    )
  }
  if (before.p99Ms > CALM_P99_MS_MAX) {
    const p99 = before.p99Ms.toFixed(0)
    throw new CannotRun(
      `this machine is too busy: without a fault the p99 of operations was ${p99} ms ` +
        `(at most ${CALM_P99_MS_MAX} ms)`,
    )
  }
  const figures = [
    ...(plan.times === 0 ? [] : [ofFaults(sum, plan)]),
    ...owners.map(ofOwners),
    {
      isMet: missing === 0 && wrong === 0 && acknowledged > 0,
      figure: `${acknowledged} acknowledged writes, ${missing} missing, ${wrong} wrong (bar 0, 0)`,
    },
  ]
  return {
    isMet: figures.every(({ isMet }) => isMet),
    figure: figures.map(({ figure }) => figure).join('; '),
  }
}

function ofFaults(sum: (which: Counted) => number, { kinds, times }: AvailabilityPlan): Verdict {
  const [faults, operations, failed, slow] = [
    sum('faults'),
    sum('operations'),
    sum('failed'),
    sum('slow'),
  ]
  const faultsBar = kinds.length * times
  const operationsBar = Math.round((OPERATIONS_BAR * faultsBar) / (KINDS.length * TIMES_BAR))
  const share = operations === 0 ? 0 : 1 - failed / operations
  return {
    isMet:
      faults >= faultsBar &&
      operations >= operationsBar &&
      failed <= operations * FAILED_SHARE_BAR &&
      slow === 0,
    figure:
      `${(100 * share).toFixed(4)} % of ${operations} operations (bar ${operationsBar}) in ` +
      `${faults} faults (bar ${faultsBar}) succeeded within one retry (bar 99.999 %), ${slow} ` +
      `took over ${SLOW_MS} ms (bar 0)`,
  }
}

function ofOwners({ down, writes, accepted }: OwnersDown): Verdict {
  return {
    isMet: writes > 0 && accepted === writes,
    figure: `with ${down} of 3 owners down ${accepted} of ${writes} writes were accepted (bar all)`,
  }
}
