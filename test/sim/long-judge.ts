/** Judges a long history by all checkers of histories, and says what of it was not as planted. */
import { checkCausality } from '../../src/sim/checkers/causality.ts'
import { checkDurability } from '../../src/sim/checkers/durability.ts'
import { checkLiveness } from '../../src/sim/checkers/liveness.ts'
import { DEADLINE_MS, type LongHistory, type Plant, PLANTS } from './long-history.ts'

export function judgeLong(long: LongHistory): readonly string[] {
  const { history, final, quietMs } = long
  return [
    ...checkDurability(history, final),
    ...checkCausality(history),
    ...checkLiveness(history, { deadlineMs: DEADLINE_MS, graceMs: 0, quietMs }),
  ]
}

/** Plants that no sentence tells of, and sentences that tell of none. */
export function differences(found: readonly string[], planted: readonly Plant[]): string[] {
  const left = [...found]
  const wrong: string[] = []
  for (const plant of planted) {
    const index = left.findIndex(
      (sentence) =>
        sentence.startsWith(`${PLANTS[plant]}: `) && sentence.includes(`planted ${plant} `),
    )
    if (index < 0) wrong.push(`${plant} was not found`)
    else left.splice(index, 1)
  }
  return [...wrong, ...left.map((sentence) => `not planted: ${sentence}`)]
}
