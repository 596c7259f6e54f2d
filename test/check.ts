/**
 * The tests of `npm run check`: the laws and the unit tests, many files to a process.
 *
 * Most of their time goes into starting processes, so each of a few processes imports its share of
 * the files one after another.
 *
 *   tap run dist/test/check.js        all shares
 *   node dist/test/check.js 0         one share alone
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SHARES, spawnTests, testFiles } from './test-files.ts'

const FOLDERS = ['golden', 'law', 'unit']
/** `npm run check` runs the formatter and the linter by themselves. */
const LEFT_OUT = 'law/format.test.js'

const share = process.argv[2]
if (share === undefined) {
  t.jobs = availableParallelism()
  const script = fileURLToPath(import.meta.url)
  for (let i = 0; i < SHARES; i++) spawnTests(t, [script, String(i)], `share ${i} of the tests`)
} else {
  const files = testFiles(FOLDERS).filter((path) => path !== LEFT_OUT)
  for (const [index, path] of files.entries()) {
    if (index % SHARES === Number(share)) await import(join(import.meta.dirname, path))
  }
}
