/**
 * Shows that places move by bulk: as a part of a plain copy's bandwidth when nodes are idle, beside
 * clients by their latency target, and on from where they were when a node is killed.
 *
 *     idle     all records, against a plain copy of the same files between two processes
 *     loaded   the same beside clients at half of the giver's peak
 *     killed   giver or receiver are killed 20 times, with SIGKILL
 *
 * One node replaces another one, so all its records go to one receiver. `--only PART`
 * runs one part; `--records N` and `--kills N` make it smaller.
 */
import { argumentsOf } from '../machine/options.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { idle, plainRate, rateLabel } from './idle.ts'
import { killed } from './killed.ts'
import { loaded } from './loaded.ts'
import { Pair } from './pair.ts'
import { RECORD_BYTES } from './records.ts'

const PARTS = ['idle', 'loaded', 'killed'] as const
type Part = (typeof PARTS)[number]

const BANDWIDTH_BAR = 0.25
const P99_BAR = 2
const AGAIN_BAR = 0.05

interface Options {
  readonly parts: readonly Part[]
  readonly records: number
  readonly kills: number
}

export const proof: Proof = {
  name: 'transfer',
  shows: 'moves bring records at a part of the bandwidth of a plain copy, and resume',
  usage: '[--only idle|loaded|killed]',
  run: async (args) => {
    const given = argumentsOf(args)
    const only = given.text('only')
    const parts = PARTS.filter((part) => only === undefined || part === only)
    if (parts.length === 0) throw new CannotRun(`--only takes one of ${PARTS.join(', ')}`)
    const records = given.count('records', 1_000_000)
    return transfer({ parts, records, kills: given.count('kills', 20) })
  },
}

async function transfer({ parts, records, kills }: Options): Promise<Verdict> {
  const say = (line: string): void => console.log(line)
  const pair = await Pair.make(records, say)
  try {
    const verdicts: Verdict[] = []
    for (const part of parts) {
      say(`-- ${part}`)
      verdicts.push(await PART_RUNS[part](pair, { records, kills }, say))
    }
    return {
      isMet: verdicts.every(({ isMet }) => isMet),
      figure: verdicts.map(({ figure }) => figure).join('; '),
    }
  } finally {
    await pair.stop()
  }
}

type Run = (
  pair: Pair,
  options: Pick<Options, 'records' | 'kills'>,
  say: (line: string) => void,
) => Promise<Verdict>

const PART_RUNS: Readonly<Record<Part, Run>> = {
  idle: async (pair, { records }, say) => {
    const { plain, bytes, transferMs, movedMs, keys, repairs } = await idle(pair, say)
    say(`the transfer: ${rateLabel({ bytes, ms: transferMs })}`)
    const moved = { bytes: records * RECORD_BYTES, ms: movedMs }
    const [whole, alone] = [moved, { bytes, ms: transferMs }].map(
      (one) => (1000 * one.bytes) / one.ms / plainRate(plain),
    ) as [number, number]
    return {
      isMet: whole >= BANDWIDTH_BAR && keys === records,
      figure:
        `${records} records moved, ${rateLabel(moved)}, ${whole.toFixed(2)} of a plain copy ` +
        `(bar ${BANDWIDTH_BAR}; the transfer alone ${alone.toFixed(2)}), ${keys} keys there, ` +
        `${repairs} by exchanges`,
    }
  },
  loaded: async (pair, _, say) => {
    const { peak, targetMs, calmMs, loadedMs, seconds, bytesPerSecond } = await loaded(pair, say)
    const ratio = loadedMs / calmMs
    const rate = (bytesPerSecond / 2 ** 20).toFixed(1)
    return {
      isMet: ratio <= P99_BAR,
      figure:
        `at half of a peak of ${peak.toFixed(0)} a second p99 is ${loadedMs.toFixed(1)} ms in ` +
        `${seconds.toFixed(0)} s of a transfer, ${ratio.toFixed(2)} of ${calmMs.toFixed(1)} ms ` +
        `without (bar ${P99_BAR}); latency-target ${targetMs} ms left it ${rate} MiB/s`,
    }
  },
  killed: async (pair, { records, kills }, say) => {
    const bytes = records * RECORD_BYTES
    const figures = await killed(pair, kills, bytes, say)
    const again = figures.sentBytes / bytes - 1
    return {
      isMet: figures.resumed === kills && again < AGAIN_BAR && figures.keys === records,
      figure:
        `killed ${figures.kills} times it resumed ${figures.resumed} times, with ` +
        `${(100 * again).toFixed(1)} % sent again (bar ${100 * AGAIN_BAR} %), ` +
        `${figures.keys} keys there`,
    }
  },
}
