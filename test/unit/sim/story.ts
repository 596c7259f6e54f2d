/**
 * A small story in which every part of the simulated world has a say, for comparing digests: nodes
 * that write what they hear to disk and pass it on, while the world harms them.
 *
 * Run as a program it prints the digest of the seed given.
 */
import { pathToFileURL } from 'node:url'
import { hexOf } from '../../../src/base/bytes.ts'
import { SimWorld } from '../../../src/sim/index.ts'
import type { Connection } from '../../../src/world/network.ts'
import type { World } from '../../../src/world/world.ts'

const NODES = 4
const PORT = 7500

async function live(sim: SimWorld, world: World, number: number): Promise<void> {
  const directory = await world.disk.directory('/data')
  const name = hexOf(world.entropy.bytes(4))
  const file = await directory.create(name)
  let size = 0
  const connections: Connection[] = []
  const attend = (connection: Connection): void => {
    connections.push(connection)
    connection.listen({
      onData: (chunk) => {
        const at = size
        size += chunk.length
        const written = file.write(at, chunk).then(() => file.sync())
        void written.catch(() => world.trace.record('log-failed', { at }))
        if (chunk.length > 8) connections.at(at % connections.length)?.write(chunk.slice(3))
      },
      onSent: () => undefined,
      onClose: (error) => {
        const position = connections.indexOf(connection)
        connections.splice(position, 1)
        world.trace.record('connection-closed', { reason: error?.message ?? 'ended', position })
      },
    })
  }
  await world.network.listen({ host: sim.hostOf(number), port: PORT }, attend)
  const tick = (): void => {
    for (const connection of connections) connection.write(world.entropy.bytes(100))
    world.clock.after(50, tick)
  }
  tick()
  for (let peer = 0; peer < number; peer++) {
    const address = { host: sim.hostOf(peer), port: PORT }
    await world.network.connect(address, 500).then(attend, () => undefined)
  }
  world.trace.record('node-ready', { name })
}

export async function digestOf(seed: number): Promise<string> {
  const sim = new SimWorld({ seed })
  const begin = (number: number): void => {
    void live(sim, sim.start(number), number).catch(() => undefined)
  }
  for (let number = 0; number < NODES; number++) begin(number)
  const harm = sim.prng('harm')
  for (let round = 0; round < 40; round++) {
    await sim.run(harm.below(400))
    const [one, other] = harm.shuffled([0, 1, 2, 3]) as [number, number]
    switch (harm.below(8)) {
      case 0:
        sim.crash(one)
        begin(one)
        break
      case 1:
        sim.kill(one)
        begin(one)
        break
      case 2:
        sim.pause(one)
        break
      case 3:
        sim.cut(one, other)
        break
      case 4:
        sim.network.reset(one, other)
        break
      case 5:
        sim.disk(one).arm({ call: 'sync' })
        break
      case 6:
        sim.network.breakSilently(one, other)
        break
      default:
        sim.heal()
        for (let number = 0; number < NODES; number++) sim.resume(number)
    }
  }
  return `${sim.trace.digest()} ${sim.scheduler.fired} ${sim.network.bytesDelivered}`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.write(await digestOf(Number(process.argv[2])))
}
