/** The log of a node whose reader has stopped reading: bounded, counted, and no wait. */
import { spawn } from 'node:child_process'
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
