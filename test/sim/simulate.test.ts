/**
 * Fifty seeds of whole clusters under faults, five of them twice: nothing is lost, and all replay.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Outcome } from '../prove/simulate-worker.ts'

const SEEDS = 50
const REPEATED = 5
const WORKERS = 2

t.setTimeout(180_000)

const worker = fileURLToPath(new URL('../prove/simulate-worker.js', import.meta.url))

/** Each seed once, in the order given, on processes that take the next when they have done one. */
function runAll(seeds: readonly number[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  let next = 0
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(worker)
      const give = (): void => {
        const seed = seeds[next++]
        if (seed === undefined) child.disconnect()
        else child.send(seed)
      }
      child.on('message', (outcome) => {
        outcomes.push(outcome as Outcome)
        give()
      })
      child.on('exit', (code) => {
        if (code === 0) resolve()
        else reject(new Error(`a seed ended its process with ${code}`))
      })
      give()
    })
  return Promise.all(Array.from({ length: WORKERS }, work)).then(() => outcomes)
}

t.test('fifty seeds lose nothing, answer everything and leave equal replicas', async (t) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1)
  const outcomes = await runAll([...seeds, ...seeds.slice(0, REPEATED)])
  t.equal(outcomes.length, SEEDS + REPEATED)
  for (const { seed, violations } of outcomes) {
    if (violations.length > 0) t.fail(`seed ${seed}: ${violations[0]}`)
  }
  const least = (of: (outcome: Outcome) => number): number => Math.min(...outcomes.map(of))
  t.ok(least((outcome) => outcome.acknowledged) >= 1_000, 'a thousand acknowledged writes each')
  t.ok(least((outcome) => outcome.faults) >= 10, 'ten faults that took effect each')
  t.ok(least((outcome) => outcome.crashesInWrites) >= 1, 'a crash during a write each')
  for (const seed of seeds.slice(0, REPEATED)) {
    const [one, other] = outcomes.filter((outcome) => outcome.seed === seed)
    t.equal(one?.digest, other?.digest, `seed ${seed} has one digest`)
  }
  t.equal(new Set(outcomes.map(({ digest }) => digest)).size, SEEDS, 'and no two seeds share one')
})
