/**
 * All tests: what `npm test` runs.
 *
 * The files of `check.ts` share a few processes; each other file has a process of its own. As many
 * run at once as there are processors, because nodes and clients under test have time limits.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { otherFiles, SHARES, spawnTests } from './test-files.ts'

/** It has a process for each of two processors: beside another file, both would wait. */
const LAST = 'sim/simulate.test.js'

function run(path: string, ...args: readonly string[]): void {
  spawnTests(t, [join(import.meta.dirname, path), ...args], [path, ...args].join(' '))
}

t.jobs = availableParallelism()
for (let share = 0; share < SHARES; share++) run('check.js', String(share))
for (const path of otherFiles()) if (path !== LAST) run(path)
run(LAST)
