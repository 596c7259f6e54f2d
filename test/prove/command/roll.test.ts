/** `everwrite roll` of three nodes: with all there, with commands that fail, and with one away. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { nodePid, Running } from './running.ts'

const LIMIT_MS = 120_000
const NAMES = ['node-1', 'node-2', 'node-3'] as const
const HELP = fileURLToPath(new URL('./running.js', import.meta.url))
const COMMAND = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))

/** A program that restarts the node that EVERWRITE_NODE names. */
function restartProgram(data: string): string {
  return `
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { nodePid, until } from ${JSON.stringify(HELP)}
const name = process.env.EVERWRITE_NODE
const data = ${JSON.stringify(data)}
const pid = nodePid(data, name)
process.kill(pid, 'SIGTERM')
const isGone = () => { try { process.kill(pid, 0); return false } catch { return true } }
await until(isGone, () => 'it does not end')
const config = join(data, 'everwrite.toml')
const argv = ['serve', '--config', config, '--name', name, '--data', join(data, name)]
const options = { stdio: 'ignore', detached: true }
spawn(process.execPath, [${JSON.stringify(COMMAND)}, ...argv], options).unref()
console.log('restarts', name, 'at', process.env.EVERWRITE_HOST)
`
}

t.test('nodes are restarted one after another', { timeout: LIMIT_MS }, async (t) => {
  const directory = t.testdir()
  const data = join(directory, 'data')
  const running = await Running.start(data)
  t.teardown(async () => {
    for (const name of NAMES) {
      try {
        process.kill(nodePid(data, name), 'SIGKILL')
      } catch {
        // It has ended.
      }
    }
    await running.exit
  })
  t.equal((await running.run('put', 'fruit', 'apple', 'red')).code, 0)
  const pids = NAMES.map((name) => nodePid(data, name))

  for (const [argv, sentence] of [
    [[], /required option '--command <command>'/],
    [['--command', 'true', '--nodes', 'node-9'], /no member is named node-9: .*node-1, node-2/],
    [['--command', 'true', '--nodes', 'node-1,node-1'], /node-1 is named twice/],
    [['--command', 'true', '--wait', '0'], /--wait is a whole number from 1 to 86400/],
  ] as const) {
    const wrong = await running.run('roll', ...argv)
    t.equal(wrong.code, 2, argv.join(' '))
    t.match(wrong.stderr, sentence)
  }

  const failed = await running.run('roll', '--command', 'echo no; exit 7')
  t.equal(failed.code, 3)
  t.match(failed.stderr, /^no$/m, 'what the command prints is not the output of the roll')
  t.match(
    failed.stderr,
    /0 of 3 nodes were restarted: the command for node-1 ended with exit code 7/,
  )
  t.equal(failed.stdout, '')
  // Uptimes are whole seconds: a node that has just started may count as restarted.
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  const idle = await running.run('roll', '--command', 'true', '--wait', '1')
  t.equal(idle.code, 1)
  t.match(
    idle.stderr,
    /node-1 has not caught up: node-1 has been up for \d+ s: its command did not/,
  )
  t.strictSame(
    NAMES.map((name) => nodePid(data, name)),
    pids,
    'nothing was restarted so far',
  )

  const program = join(directory, 'restart.mjs')
  writeFileSync(program, restartProgram(data))
  const command = `"${process.execPath}" "${program}"`
  const rolled = await running.run('roll', '--command', command, '--wait', '30')
  t.equal(rolled.code, 0, rolled.stderr)
  const lines = NAMES.map((name) => `${name} was restarted and has caught up after \\d+\\.\\d s\\n`)
  t.match(rolled.stdout, new RegExp(`^${lines.join('')}$`))
  t.match(rolled.stderr, /^restarts node-2 at 127\.0\.0\.1$/m)
  const after = NAMES.map((name) => nodePid(data, name))
  t.ok(
    after.every((pid, i) => pid !== pids[i]),
    'each is another process',
  )

  const some = ['--nodes', 'node-3', '--command', command, '--wait', '30', '--json']
  const one = await running.run('roll', ...some)
  t.equal(one.code, 0, one.stderr)
  t.match(JSON.parse(one.stdout), { name: 'node-3', seconds: Number })
  t.equal(nodePid(data, 'node-1'), after[0], 'the others were left alone')

  process.kill(nodePid(data, 'node-3'), 'SIGKILL')
  const away = await running.run('roll', '--command', command, '--wait', '1')
  t.equal(away.code, 1)
  t.match(away.stderr, /0 of 3 nodes were restarted: node-\d (is away|is not connected to node-3)/)
  t.equal(nodePid(data, 'node-1'), after[0], 'no second node goes down')
})
