/** The bandwidth of a transfer between idle nodes, against that of a plain copy, in turn. */
import { join } from 'node:path'
import { median } from '../../support/median.ts'
import { sleep } from '../machine/faults.ts'
import { type Pair, takenOf } from './pair.ts'
import { type Copied, plainCopy } from './plain-copy.ts'

const COPIES = 3
const LOOK_MS = 100
const MOVED_MS_MAX = 180_000

export interface IdleFigures {
  readonly plain: readonly Copied[]
  /** Of records that the transfer brought, and until the last of them was taken. */
  readonly bytes: number
  readonly transferMs: number
  /** Until the receiver owns all places. */
  readonly movedMs: number
  readonly keys: number
  /** Copies that the exchanges after it brought. */
  readonly repairs: number
}

export async function idle(pair: Pair, say: (line: string) => void): Promise<IdleFigures> {
  const plain: Copied[] = []
  const copy = async (): Promise<void> => {
    const copied = await plainCopy(pair.filled, join(pair.root, 'copied'))
    say(`a plain copy: ${rateLabel(copied)}`)
    plain.push(copied)
  }
  await copy()
  await pair.begin()
  await pair.join()
  await copy()
  const session = await pair.session(pair.receiver)
  await pair.commit()
  const began = performance.now()
  let [first, last, bytes] = [0, 0, 0]
  for (;;) {
    const taken = takenOf(await session.ask('status', {}))
    const now = performance.now()
    if (taken.bytes > bytes) last = now
    if (bytes === 0 && taken.bytes > 0) first = now
    bytes = taken.bytes
    if ((await pair.movesLeft(session)) === 0) break
    if (now > began + MOVED_MS_MAX) throw new Error('places do not move in time')
    await sleep(LOOK_MS)
  }
  const movedMs = performance.now() - Math.min(began, first)
  const { keys, repairs } = takenOf(await session.ask('status', {}))
  session.close()
  await pair.end()
  while (plain.length < COPIES) await copy()
  return { plain, bytes, transferMs: last - first, movedMs, keys, repairs }
}

/** Bytes a second of the copy in the middle. */
export function plainRate(plain: readonly Copied[]): number {
  return median(plain.map(({ bytes, ms }) => (1000 * bytes) / ms))
}

export function rateLabel({ bytes, ms }: Copied): string {
  const [mib, seconds] = [bytes / 2 ** 20, ms / 1000]
  return `${mib.toFixed(0)} MiB in ${seconds.toFixed(1)} s, ${(mib / seconds).toFixed(0)} MiB/s`
}
