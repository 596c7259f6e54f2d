/**
 * All tests: what `npm test` runs.
 *
 * The files of `check.ts` share a few processes; each other file has a process of its own.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { SHARES, spawnTests, testFiles } from './test-files.ts'

/** These begin first: a long one that begins late runs by itself in the end. */
const LONG = ['prove/machine/chaos.test.js', 'prove/input/bad-input.test.js']
/** Seeds keep all processors busy by themselves: it is last, and leaves none idle. */
const LAST = 'sim/simulate.test.js'

/** More than there are processors: tests of nodes and commands wait for much of their time. */
t.jobs = availableParallelism() + 1

function run(path: string): void {
  spawnTests(t, [join(import.meta.dirname, path)], path)
}

for (const path of LONG) run(path)
for (let share = 0; share < SHARES; share++) {
  spawnTests(
    t,
    [join(import.meta.dirname, 'check.js'), String(share)],
    `share ${share} of check.js`,
  )
}
const others = ['law/format.test.js', ...testFiles(['model', 'paper', 'prove', 'sim'])]
for (const path of others) if (!LONG.includes(path) && path !== LAST) run(path)
run(LAST)
