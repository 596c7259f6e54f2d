/** `everwrite import` ends by itself whatever happens to it, and says how far it came. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Begun, run, Running, until } from './running.ts'

/** A program that runs another on a terminal of its own and sends it ctrl-C when it is told. */
const TERMINAL = `
import os, pty, sys, select
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    ready, _, _ = select.select([terminal, 0], [], [])
    if 0 in ready:
        os.write(terminal, os.read(0, 100))
    if terminal in ready:
        try:
            os.write(1, os.read(terminal, 65536))
        except OSError:
            break
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`
const CTRL_C = '\x03'

t.test('an import ends', async (t) => {
  const directory = t.testdir()
  const running = await Running.start(join(directory, 'data'), undefined, 1)
  await t.test('at a wrong line, though its input stays open', (t) => wrongLine(t, running))
  await t.test('at a signal, and says what was put', (t) => interrupted(t, running))
  await t.test('at ctrl-C, and shows the cursor again', (t) => onTerminal(t, running, directory))
  await t.test('when the nodes are gone, though its input is quiet', (t) => deserted(t, running))
})

async function wrongLine(t: Test, { seeds }: Running): Promise<void> {
  const begun = new Begun(['import', '--bucket', 'wrong'], seeds)
  begun.write('{"key":"a","value":"1"}\n{"key":"b"}\n')
  const { code, stderr } = await begun.result
  t.equal(code, 2)
  t.match(stderr, /line 2 has no value[^]*1 record was put/)
}

async function interrupted(t: Test, running: Running): Promise<void> {
  for (const [signal, exit] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
    const begun = new Begun(['import', '--bucket', signal], running.seeds)
    begun.write('{"key":"a","value":"1"}\n{"key":"b","value":"1"}\n')
    await until(
      async () => (await running.run('get', signal, 'b')).code === 0,
      () => 'nothing is put while the input is open',
    )
    begun.signal(signal)
    const { code, stderr } = await begun.result
    t.equal(code, exit)
    t.match(stderr, /^everwrite: the import was interrupted[^]*2 records were put[^]*\(aborted\)/)
  }
}

async function onTerminal(t: Test, { seeds }: Running, directory: string): Promise<void> {
  mkdirSync(join(directory, 'terminal'))
  const program = join(directory, 'terminal', 'terminal.py')
  writeFileSync(program, TERMINAL)
  const begun = new Begun(['import', '-', '--bucket', 'tty'], seeds, {}, ['python3', program])
  begun.write('{"key":"a","value":"1"}\n')
  await until(
    () => begun.output.stdout.includes('\x1b[?25l'),
    () => `no progress is shown: ${begun.output.stdout}`,
  )
  begun.write(CTRL_C)
  const { code, stdout } = await begun.result
  t.equal(code, 130)
  t.ok(stdout.lastIndexOf('\x1b[?25h') > stdout.lastIndexOf('\x1b[?25l'), 'the cursor is shown')
  t.notMatch(stdout, /LLs|NFs/)
}

async function deserted(t: Test, running: Running): Promise<void> {
  const argv = ['import', '--bucket', 'gone', '--timeout', '2000']
  const begun = new Begun(argv, running.seeds)
  begun.write('{"key":"a","value":"1"}\n')
  await until(
    async () => (await running.run('get', 'gone', 'a')).code === 0,
    () => 'nothing is put while the input is open',
  )
  t.equal(await running.stop(), 0)
  begun.write('{"key":"b","value":"1"}\n')
  const { code, stderr } = await begun.result
  t.equal(code, 3)
  t.match(stderr, /the import stopped: line 2[^]*1 record was put/)
  t.equal((await run(argv, { seeds: running.seeds })).code, 3)
}
