/** `everwrite/sim` as a user imports it: the example of its page runs, and can fail. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ROOT } from '../../law/source.ts'

/** The lines of the example, as they stand in the page. */
function example(): string {
  const page = readFileSync(join(ROOT, 'src/sim/index.ts'), 'utf8')
  const lines = page.split('\n').filter((line) => line.startsWith(' *     '))
  return lines.map((line) => `${line.slice(7)}\n`).join('')
}

/** Runs it in a folder of this package, which so finds itself by its name. */
function run(t: Test, text: string): { readonly status: number | null; readonly stderr: string } {
  const file = join(t.testdir(), 'example.mjs')
  writeFileSync(file, text)
  return spawnSync(process.execPath, [file], { encoding: 'utf8' })
}

t.test('the example of the page runs, and what it checks holds', async (t) => {
  const { status, stderr } = run(t, example())
  t.equal(stderr, '')
  t.equal(status, 0)
})

t.test('the example objects where the disks of all nodes are destroyed', async (t) => {
  const crash = 'cluster.crash(machine)'
  t.equal(example().split(crash).length, 2)
  const { status, stderr } = run(t, example().replace(crash, 'cluster.crashAndWipe(machine)'))
  t.equal(status, 1)
  t.match(stderr, /ERR_ASSERTION[^]*'milk'/)
})
