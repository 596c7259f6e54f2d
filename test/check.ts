/**
 * The tests of `npm run check`: the laws and the unit tests, many files to a process.
 *
 * `npm test` gives each file a process of its own, and most of its time goes into starting them.
 * Here each of a few processes imports its share of the files one after another.
 *
 *   tap run dist/test/check.js        all shares
 *   node dist/test/check.js 0         one share alone
 */
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const SHARES = 4
const FOLDERS = ['golden', 'law', 'unit']
/** `npm run check` runs the formatter and the linter by themselves. */
const LEFT_OUT = 'format.test.js'

function testFiles(): string[] {
  const here = import.meta.dirname
  const paths = FOLDERS.flatMap((folder) =>
    readdirSync(join(here, folder), { recursive: true, encoding: 'utf8' })
      .toSorted()
      .map((name) => join(here, folder, name)),
  )
  return paths.filter((path) => path.endsWith('.test.js') && !path.endsWith(LEFT_OUT))
}

const share = process.argv[2]
if (share === undefined) {
  t.jobs = availableParallelism()
  const script = fileURLToPath(import.meta.url)
  for (let i = 0; i < SHARES; i++) {
    const args = ['--enable-source-maps', script, String(i)]
    void t.spawn(process.execPath, args, { buffered: true }, `share ${i} of the tests`)
  }
} else {
  const files = testFiles().filter((_, index) => index % SHARES === Number(share))
  for (const file of files) await import(file)
}
