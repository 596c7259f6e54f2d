/** What a person sees: help, exit codes, tables, logs, and keys that would disturb a terminal. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Begun, run, Running, until } from './running.ts'

const COLUMNS = 80
/** `help` is one of them. */
const COMMANDS = 20

t.test('an unknown command exits 2, also where help is asked for', async (t) => {
  for (const argv of [['fly', '--help'], ['help', 'fly'], ['fly']]) {
    const { code, stdout, stderr } = await run(argv)
    t.match({ code, stdout }, { code: 2, stdout: '' }, argv.join(' '))
    t.match(stderr, /^everwrite: unknown command 'fly'/)
  }
  const missing = await run(['get'])
  t.match(missing.stderr, /^everwrite: missing required argument/)
  const help = await run(['help', 'get'])
  t.match(help, { code: 0, stdout: /  70 .*\n  129, 130, 143 / })
})

t.test('each command that the help lists has a help of its own', async (t) => {
  const { stdout } = await run(['help'])
  const list = /\nCommands:\n([^]*?)\n\n/.exec(stdout)?.[1] ?? ''
  const names = [...list.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name = '']) => name)
  t.equal(names.length, COMMANDS)
  for (const name of names.filter((one) => one !== 'help')) {
    const help = await run([name, '--help'])
    t.match(help, { code: 0, stdout: new RegExp(`^Usage: everwrite ${name} `) })
  }
})

t.test('one node', async (t) => {
  const data = join(t.testdir(), 'data')
  const running = await Running.start(data, undefined, 1)
  t.match(running.output, /starting one node; their logs are .*\.log/)
  await t.test('keys are printed without control characters', (t) => controls(t, running))
  await t.test('status fits 80 columns and has live figures', (t) => status(t, running))
  t.equal(await running.stop(), 0)
  await t.test('a node serves on when its output has no reader', (t) => unread(t, running, data))
})

async function controls(t: Test, running: Running): Promise<void> {
  await running.run('put', 'odd', 'a\u001b[2Jb\n\u202ec', 'v')
  t.equal((await running.run('keys', 'odd')).stdout, 'a\\u001b[2Jb\\u000a\\u202ec\n')
  const { stdout } = await running.run('keys', 'odd', '--json')
  t.equal(JSON.parse(stdout).key, 'a\u001b[2Jb\n\u202ec')
}

async function status(t: Test, running: Running): Promise<void> {
  const { code, stdout } = await running.run('status')
  t.equal(code, 0)
  const tables = stdout.split('\n\n').slice(0, 3).join('\n').split('\n')
  t.same(
    tables.filter((row) => row.length > COLUMNS),
    [],
  )
  t.match(stdout, /cluster dev: 1 node,/)
  t.match(stdout, /version +up for\nnode-1 .* up .* \d+\.\d+\.\d+ +\d+ s\n/)
  const [head, row] = tables.slice(-2).map((text) => text.split(/ {2,}/))
  t.equal(row?.length, head?.length)
  const { figures } = JSON.parse((await running.run('status', '--json')).stdout).nodes[0]
  t.ok(figures.free_bytes > 1_000_000)
  t.equal(figures.puts_first_total, 1)
}

async function unread(t: Test, running: Running, data: string): Promise<void> {
  const argv = ['serve', '--config', join(data, 'everwrite.toml'), '--name', 'node-1']
  const begun = new Begun([...argv, '--data', join(data, 'node-1')], undefined)
  begun.closeOutput()
  await until(
    async () => (await running.run('get', 'odd', 'none')).code === 1,
    () => `it does not serve: ${begun.output.stderr}`,
  )
  begun.signal('SIGTERM')
  t.equal((await begun.result).code, 0)
  t.match(begun.output.stderr, /node-stopped/)
  t.ok(existsSync(join(data, 'node-1.log')))
}
