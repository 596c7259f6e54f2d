/**
 * The tests of `npm run check`: the laws and the unit tests, many files to a process.
 *
 * Most of their time would go into starting processes, so each of a few processes imports its share
 * of the files one after another.
 *
 *   tap run dist/test/check.js        all shares
 *   node dist/test/check.js 0         one share alone
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { filesOfShare, SHARES, spawnTests } from './test-files.ts'

const share = process.argv[2]
if (share === undefined) {
  t.jobs = availableParallelism()
  const script = fileURLToPath(import.meta.url)
  for (let i = 0; i < SHARES; i++) spawnTests(t, [script, String(i)], `share ${i} of the tests`)
} else {
  for (const path of filesOfShare(Number(share))) await import(join(import.meta.dirname, path))
}
