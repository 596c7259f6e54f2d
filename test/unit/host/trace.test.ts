import { spawnSync } from 'node:child_process'
import t from 'tap'
import { HostTrace } from '../../../src/host/trace.ts'
import type { TraceLevel } from '../../../src/host/trace.ts'

interface Line {
  readonly level: string
  readonly event: string
  readonly suppressed?: number
}

function traceInto(lines: Line[], level: TraceLevel): HostTrace {
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Line)
  }
  return new HostTrace({ level, fields: { node: 3 }, stream: { write } })
}

t.test('a fact becomes a line, its weight a level, and less weight than asked none', async (t) => {
  const lines: Line[] = []
  for (const level of ['debug', 'info', 'warn', 'error', 'silent'] as const) {
    const trace = traceInto(lines, level)
    trace.record('client-connected')
    trace.record('node-ready')
    trace.record('stream-broken', { reason: 'nonsense' })
    trace.record('rot-found')
  }
  const levels = lines.map((line) => line.level).join(' ')
  t.equal(levels, 'debug info warn error info warn error warn error error')
  t.match(lines[2], { level: 'warn', event: 'stream-broken', reason: 'nonsense', node: 3 })
  t.match(lines[0], { time: /^\d{4}-\d\d-\d\dT/ })
})

t.test('a flood of one warning is cut off, counted, and over after its second', async (t) => {
  const lines: Line[] = []
  const trace = traceInto(lines, 'info')
  for (let i = 0; i < 35; i++) trace.record('stream-broken', { i })
  for (let i = 0; i < 35; i++) trace.record('node-ready', { i })
  trace.record('rot-found')
  const count = (event: string): number => lines.filter((line) => line.event === event).length
  t.equal(count('stream-broken'), 10)
  t.equal(count('node-ready'), 35, 'notices are not limited')
  t.equal(count('rot-found'), 1, 'one fact does not silence another')
  await new Promise((resolve) => {
    setTimeout(resolve, 1100)
  })
  t.match(lines.at(-1), { event: 'stream-broken', level: 'warn', suppressed: 25 })
  trace.record('stream-broken')
  t.equal(count('stream-broken'), 12)
})

t.test('the last line before an abrupt end is there, on standard error', async (t) => {
  const module = import.meta.resolve('../../../src/host/world.ts').replace(/\.ts$/, '.js')
  const script = `
    const { hostWorld } = await import(${JSON.stringify(module)})
    const { trace } = hostWorld({ traceLevel: 'warn', traceFields: { node: 1 } })
    for (let i = 0; i < 5; i++) trace.record('rot-found', { i })
    trace.record('node-ready')
    process.kill(process.pid, 'SIGKILL')
  `
  const args = ['--input-type=module', '-e', script]
  const { stderr, stdout, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  t.equal(signal, 'SIGKILL')
  t.equal(stdout, '')
  const lines = stderr.trimEnd().split('\n')
  t.equal(lines.length, 5)
  t.match(JSON.parse(lines[4] as string), { level: 'error', event: 'rot-found', i: 4, node: 1 })
})
