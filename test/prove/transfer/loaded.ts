/**
 * Clients load the giver at half of its peak: their p99 without a transfer and with one, and the
 * rate that `latency-target` leaves to it.
 *
 * The target is the p99 without background work: what goes on until a node has seen that it is
 * exceeded is a part of the p99 with a transfer. The peak is measured in closed loop, half of it is
 * offered in open loop.
 */
import { sleep } from '../machine/faults.ts'
import { medianP99, told } from '../hints/foreground.ts'
import { OpenLoop, type Tally } from '../overload/open-loop.ts'
import { type Pair, takenOf } from './pair.ts'

const KEYS = 2_000
const WIDTH = 64
const WARM_SECONDS = 4
const PEAK_SECONDS = 4
const CALM_SECONDS = 8
/** Of the transfer, or until it has ended. */
const SECONDS_MAX = 20
const LOOK_MS = 100

export interface LoadedFigures {
  /** Operations a second. */
  readonly peak: number
  readonly targetMs: number
  readonly calmMs: number
  readonly loadedMs: number
  readonly seconds: number
  readonly bytesPerSecond: number
}

export async function loaded(pair: Pair, say: (line: string) => void): Promise<LoadedFigures> {
  try {
    await pair.begin()
    const peak = await withLoad(pair, async (load) => {
      await load.saturate(WIDTH, WARM_SECONDS)
      return (await load.saturate(WIDTH, PEAK_SECONDS)).good / PEAK_SECONDS
    })
    const rate = Math.round(peak / 2)
    const before = await withLoad(pair, (load) => load.run(rate, CALM_SECONDS))
    say(told(`half of a peak of ${peak.toFixed(0)} a second`, before))
    const targetMs = Math.ceil(medianP99(before))
    pair.configure({ 'latency-target': targetMs })
    await pair.kill(0)
    await pair.begin()
    await pair.join()
    return await withLoad(pair, async (load) => {
      await load.run(rate, WARM_SECONDS)
      const calm = await load.run(rate, CALM_SECONDS)
      say(told('without a transfer', calm))
      const { during, ...figures } = await duringTransfer(pair, load, rate)
      say(told(`with a transfer, latency-target ${targetMs} ms`, during))
      return {
        ...{ peak, targetMs, calmMs: medianP99(calm), loadedMs: medianP99(during) },
        ...figures,
      }
    })
  } finally {
    await pair.end()
    pair.configure({})
  }
}

async function duringTransfer(
  pair: Pair,
  load: OpenLoop,
  rate: number,
): Promise<Pick<LoadedFigures, 'seconds' | 'bytesPerSecond'> & { during: readonly Tally[] }> {
  await pair.commit()
  const session = await pair.session(pair.receiver)
  let isOver = false
  const running = load.run(rate, 2 * SECONDS_MAX, () => isOver)
  const began = performance.now()
  const first = takenOf(await session.ask('status', {})).bytes
  let bytes = first
  while (performance.now() < began + 1000 * SECONDS_MAX) {
    if ((await pair.movesLeft(session)) === 0) break
    bytes = takenOf(await session.ask('status', {})).bytes
    await sleep(LOOK_MS)
  }
  const ms = performance.now() - began
  isOver = true
  const during = await running
  session.close()
  return { during, seconds: ms / 1000, bytesPerSecond: (1000 * (bytes - first)) / ms }
}

async function withLoad<T>(pair: Pair, work: (load: OpenLoop) => Promise<T>): Promise<T> {
  const load = await OpenLoop.connect([pair.giverAddress], KEYS)
  try {
    return await work(load)
  } finally {
    load.close()
  }
}
