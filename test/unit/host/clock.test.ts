import { spawnSync } from 'node:child_process'
import t from 'tap'

const MODULE = import.meta.resolve('../../../src/host/world.ts').replace(/\.ts$/, '.js')

interface Outcome {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
}

function run(script: string): Outcome {
  const whole = `const { hostWorld } = await import(${JSON.stringify(MODULE)})\n${script}`
  return spawnSync(process.execPath, ['--input-type=module', '-e', whole], {
    encoding: 'utf8',
    timeout: 10_000,
  })
}

t.test('a timer that holds keeps a waiting program alive; a server has others', async (t) => {
  const wait = `clock.after(50, () => process.stdout.write('woken'))`
  t.match(run(`const { clock } = hostWorld(); ${wait}`), { stdout: 'woken', status: 0 })
  const server = run(`const { clock } = hostWorld({ timersHold: false }); ${wait}`)
  t.match(server, { stdout: '', status: 0 })
})

t.test('a delay longer than a system timer allows is waited for in full', async (t) => {
  const script = `
    const { clock } = hostWorld({ timersHold: false })
    clock.after(2 ** 33, () => process.stdout.write('woken'))
    setTimeout(() => undefined, 50)
  `
  t.match(run(script), { stdout: '', stderr: '', status: 0 })
})

t.test('a server lives by its listener, and ends when that is closed', async (t) => {
  const script = `
    const { clock, network } = hostWorld({ timersHold: false })
    const listener = await network.listen({ host: '127.0.0.1', port: 0 }, () => undefined)
    clock.after(60_000, () => undefined)
    clock.after(50, () => {
      process.stdout.write('still here')
      void listener.close()
    })
  `
  t.match(run(script), { stdout: 'still here', status: 0 })
})
