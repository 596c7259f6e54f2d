import t from 'tap'
import { hexOf } from '../../../src/base/bytes.ts'
import { SimWorld } from '../../../src/sim/index.ts'

t.test('one process at a time runs on a machine', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  t.notOk(sim.isRunning(0))
  sim.start(0)
  t.ok(sim.isRunning(0))
  t.throws(() => sim.start(0), /one process at a time/)
  t.throws(() => sim.wipe(0), /while nothing runs/)
  sim.kill(0)
  t.throws(() => sim.kill(0), /a process runs/)
  t.throws(() => sim.crash(0), /a process runs/)
  sim.restart(0)
  sim.restart(0)
  t.equal(sim.trace.count('crash'), 1)
})

t.test('a node that restarts never draws the same bytes again', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) seen.add(hexOf(sim.restart(0).entropy.bytes(8)))
  t.equal(seen.size, 100)
})

t.test('every machine has an address of its own, all of them loopback', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const hosts = [0, 1, 254, 255, 256, 5000].map((machine) => sim.hostOf(machine))
  t.equal(new Set(hosts).size, hosts.length)
  t.equal(hosts[0], '127.0.0.1')
  for (const host of hosts) t.match(host, /^127\.0\.\d{1,3}\.\d{1,3}$/)
})

t.test('an hour of idling costs nothing', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const { clock } = sim.start(0)
  let beats = 0
  const beat = (): void => {
    beats += 1
    clock.after(1000, beat)
  }
  beat()
  const before = performance.now()
  await sim.run(3_600_000)
  t.ok(beats >= 3599 && beats <= 3602)
  t.ok(performance.now() - before < 2000)
})
