/** The log of a node whose reader has stopped reading: bounded, counted, and no wait. */
import { spawn, spawnSync } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const MODULE = import.meta.resolve('../../../src/host/trace.ts').replace(/\.ts$/, '.js')
const LINES = 30_000

t.test('lines that are not read wait up to a bound; more are counted', async (t) => {
  const script = `
    const { HostTrace } = await import(${JSON.stringify(MODULE)})
    const trace = new HostTrace({ level: 'info' })
    for (let i = 0; i < ${LINES}; i++) trace.record('node-ready', { i, x: 'y'.repeat(100) })
    process.stdout.write('written')
    process.stdin.resume()
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  await new Promise((resolve) => child.stdout.once('data', resolve))
  t.pass('the process was not held up by a full pipe')
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
  while (!text.endsWith('}\n') || !text.includes('log-lines-dropped')) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  child.kill()
  const lines = text.trim().split('\n')
  const last = JSON.parse(lines.at(-1) as string) as { event: string; count: number }
  t.equal(last.event, 'log-lines-dropped')
  t.equal(lines.length - 1 + last.count, LINES, 'each line was written or counted')
  t.ok(text.length > 1024 * 1024, 'a mebibyte waited')
  t.ok(last.count > LINES / 2)
})

t.test('lines in a file stand beside what standard output writes to it', async (t) => {
  const script = `
    import { writeSync } from 'node:fs'
    const { HostTrace } = await import(${JSON.stringify(MODULE)})
    const trace = new HostTrace({ level: 'info' })
    for (let i = 0; i < 3; i++) {
      writeSync(1, 'on standard output\\n')
      trace.record('node-ready', { i })
    }
  `
  const path = join(t.testdir(), 'both.log')
  const file = openSync(path, 'w')
  const stdio = ['ignore', file, file] as const
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: [...stdio],
  })
  t.equal(status, 0)
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  t.equal(lines.filter((line) => line === 'on standard output').length, 3)
  const logged = lines.filter((line) => line.startsWith('{'))
  t.same(
    logged.map((line) => (JSON.parse(line) as { i: number }).i),
    [0, 1, 2],
  )
})
