import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../../src/base/bytes.ts'
import { type NetworkOptions, SimWorld } from '../../../../src/sim/index.ts'
import type { Connection } from '../../../../src/world/network.ts'

/** One end: what it read, and how it closed. */
class End {
  readonly connection: Connection
  text = ''
  chunks: number[] = []
  lastMs = 0
  /** Undefined while open; empty where it ended in order, else the code. */
  closed: string | undefined

  constructor(sim: SimWorld, connection: Connection) {
    this.connection = connection
    connection.listen({
      onData: (chunk) => {
        this.text += utf8Text(chunk)
        this.chunks.push(chunk.length)
        this.lastMs = sim.nowMs
      },
      onSent: () => undefined,
      onClose: (error) => {
        t.equal(this.closed, undefined, 'closed once')
        this.closed = error === undefined ? '' : (error as { code?: string }).code
        this.lastMs = sim.nowMs
      },
    })
  }

  send(text: string): void {
    this.connection.write(utf8Bytes(text))
  }
}

const QUIET: Partial<NetworkOptions> = { tailChance: 0, cutChance: 0, joinChance: 0 }
const PORT = 7500

interface Scene {
  readonly sim: SimWorld
  readonly client: End
  readonly server: End
}

/** A client on machine 0, connected to a server on machine 1. */
async function scene(seed: number, network: Partial<NetworkOptions> = QUIET): Promise<Scene> {
  const sim = new SimWorld({ seed, network })
  const [near, far] = [sim.start(0), sim.start(1)]
  const ends: End[] = []
  const address = { host: sim.hostOf(1), port: PORT }
  const listening = far.network.listen(address, (connection) => {
    ends.push(new End(sim, connection))
  })
  await sim.complete(listening)
  const connected = near.network.connect(address, 1000)
  const client = await sim.complete(connected.then((connection) => new End(sim, connection)))
  await sim.runUntil(() => ends.length > 0, 1000)
  return { sim, client, server: ends[0] as End }
}

t.test('bytes are cut and joined at places that the seed chooses, never reordered', async (t) => {
  const cuts = new Set<string>()
  for (let seed = 0; seed < 20; seed++) {
    const { sim, client, server } = await scene(seed, { cutChance: 0.5, joinChance: 0.3 })
    const lines = Array.from({ length: 20 }, (_, i) => `this is line ${i};`)
    for (const line of lines) client.send(line)
    await sim.run(1000)
    t.equal(server.text, lines.join(''))
    cuts.add(server.chunks.join())
    if (server.chunks.some((length) => length > 20)) cuts.add('joined')
    if (server.chunks.some((length) => length < 4)) cuts.add('cut')
    t.equal(sim.network.bytesDelivered, lines.join('').length)
    t.equal(sim.network.chunksDelivered, server.chunks.length)
  }
  t.equal(cuts.size, 22)
})

t.test('data that a server sends at once comes after its client has the connection', async (t) => {
  for (let seed = 0; seed < 50; seed++) {
    const sim = new SimWorld({ seed })
    const [near, far] = [sim.start(0), sim.start(1)]
    const address = { host: sim.hostOf(1), port: PORT }
    const greet = (connection: Connection): void => new End(sim, connection).send('welcome')
    await sim.complete(far.network.listen(address, greet))
    const connected = near.network.connect(address, 1000)
    const client = await sim.complete(connected.then((connection) => new End(sim, connection)))
    await sim.run(100)
    t.equal(client.text, 'welcome')
  }
})

t.test('data sent into a cut waits, and arrives when the path heals', async (t) => {
  const { sim, client, server } = await scene(1)
  sim.cut(0, 1)
  client.send('to')
  server.send('fro')
  await sim.run(3000)
  t.equal(server.text + client.text, '')
  t.same([client.closed, server.closed], [undefined, undefined])
  sim.heal()
  client.send('gether')
  await sim.run(1000)
  t.equal(server.text, 'together')
  t.equal(client.text, 'fro')
})

t.test('a cut of one direction lets the other through', async (t) => {
  const { sim, client, server } = await scene(1)
  sim.cutOneWay(0, 1)
  client.send('lost')
  server.send('heard')
  await sim.run(2000)
  t.equal(server.text, '')
  t.equal(client.text, 'heard')
  sim.healBetween(0, 1)
  await sim.run(2000)
  t.equal(server.text, 'lost')
  t.same([client.closed, server.closed], [undefined, undefined])
})

t.test('a connection whose bytes do not get through is given up by their writer', async (t) => {
  const { sim, client, server } = await scene(1)
  sim.cut(0, 1)
  client.send('never')
  await sim.run(21_000)
  t.equal(client.closed, 'ETIMEDOUT')
  t.equal(server.closed, undefined, 'the other side is not told')
  sim.heal()
  await sim.run(1000)
  t.equal(server.text, '')
  server.send('hello?')
  await sim.run(1000)
  t.equal(server.closed, 'ECONNRESET', 'until it sends something')
})

t.test('a writer whose acknowledgements are lost gives up, though its bytes arrived', async (t) => {
  const { sim, client, server } = await scene(1)
  sim.cutOneWay(1, 0)
  client.send('arrived')
  await sim.run(1000)
  t.equal(server.text, 'arrived')
  await sim.run(21_000)
  t.equal(client.closed, 'ETIMEDOUT')
  t.equal(server.closed, undefined)
})

t.test('a cut that heals in time gives nothing up, however often it comes', async (t) => {
  const { sim, client, server } = await scene(2)
  for (let i = 0; i < 20; i++) {
    sim.cut(0, 1)
    client.send('x')
    await sim.run(3000)
    sim.heal()
    await sim.run(500)
  }
  t.equal(server.text, 'x'.repeat(20))
  t.equal(client.closed, undefined)
})

t.test('a reset comes after an unknown beginning of what was under way', async (t) => {
  const lengths = new Set<number>()
  for (let seed = 0; seed < 40; seed++) {
    const { sim, client, server } = await scene(seed)
    for (const piece of ['a', 'b', 'c']) client.send(piece)
    t.equal(sim.network.reset(0, 1), 1)
    client.send('after')
    await sim.run(1000)
    t.ok('abc'.startsWith(server.text))
    lengths.add(server.text.length)
    t.same([client.closed, server.closed], ['ECONNRESET', 'ECONNRESET'])
    t.equal(sim.network.connections, 0)
  }
  t.ok([0, 1, 2, 3].every((length) => lengths.has(length)))
})

t.test('destroying loses an unknown end of what was sent, in order or by a reset', async (t) => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 60; seed++) {
    const { sim, client, server } = await scene(seed)
    for (const piece of ['a', 'b', 'c']) client.send(piece)
    client.connection.destroy()
    await sim.run(1000)
    t.ok('abc'.startsWith(server.text))
    t.equal(client.closed, '')
    seen.add(`${server.text} ${server.closed}`)
  }
  t.ok(seen.has('abc '), 'all of it, then an orderly end')
  t.ok(seen.has(' ECONNRESET') && seen.has('ab ECONNRESET'))
})

t.test('a stalled connection stays, and its bytes come when the stall is over', async (t) => {
  const { sim, client, server } = await scene(1)
  client.send('a')
  sim.network.stall(0, 1, 5000)
  client.send('b')
  server.send('back')
  await sim.run(4900)
  t.equal(server.text, '')
  t.equal(client.text, 'back')
  await sim.run(200)
  t.equal(server.text, 'ab')
  t.equal(client.closed, undefined)
})

t.test('a slow path takes longer, and then no longer', async (t) => {
  const { sim, client, server } = await scene(1)
  sim.network.slow(0, 1, 300)
  const before = sim.nowMs
  client.send('a')
  await sim.run(1000)
  t.ok(server.lastMs - before >= 300 && server.lastMs - before < 301)
  sim.network.slow(0, 1, 0)
  client.send('b')
  await sim.run(10)
  t.equal(server.text, 'ab')
})

t.test(
  'one end of a half-open connection is closed, and the other learns that when it sends',
  async (t) => {
    const { sim, client, server } = await scene(1)
    t.equal(sim.network.breakSilently(1, 0), 1)
    await sim.run(60_000)
    t.equal(server.closed, 'ECONNABORTED')
    t.equal(client.closed, undefined)
    client.send('anyone?')
    await sim.run(10)
    t.equal(client.closed, 'ECONNRESET')
    t.equal(sim.network.connections, 0)
  },
)

t.test(
  'a crash sends nothing; after the restart the next bytes are answered by a reset',
  async (t) => {
    const { sim, client, server } = await scene(1)
    sim.crash(1)
    await sim.run(60_000)
    t.equal(client.closed, undefined)
    client.send('lost')
    await sim.run(2000)
    t.equal(client.closed, undefined)
    sim.start(1)
    await sim.run(500)
    t.equal(client.closed, 'ECONNRESET')
    t.equal(server.closed, undefined, 'of a dead process nothing is heard')
  },
)

t.test('peers of a killed process see its connections close at once', async (t) => {
  const seen = new Set<string | undefined>()
  for (let seed = 0; seed < 20; seed++) {
    const { sim, client } = await scene(seed)
    sim.kill(1)
    await sim.run(100)
    seen.add(client.closed)
    const refused = sim.start(0 + 2).network.connect({ host: sim.hostOf(1), port: PORT }, 1000)
    await t.rejects(sim.complete(refused), { code: 'ECONNREFUSED' })
  }
  t.ok(seen.has('') && seen.has('ECONNRESET') && seen.size === 2)
})

t.test('connecting fails as it would: refused, unknown, timed out', async (t) => {
  const sim = new SimWorld({ seed: 1, network: QUIET })
  const near = sim.start(0)
  sim.start(1)
  const address = { host: sim.hostOf(1), port: PORT }
  const connect = (host = address.host): Promise<Connection> =>
    sim.complete(near.network.connect({ host, port: PORT }, 2000))
  await t.rejects(connect(), { code: 'ECONNREFUSED' })
  await t.rejects(connect('nowhere'), { code: 'ENOTFOUND' })
  for (const [from, to] of [
    [0, 1],
    [1, 0],
  ] as const) {
    sim.cutOneWay(from, to)
    const before = sim.nowMs
    await t.rejects(connect(), { code: 'ETIMEDOUT' })
    t.equal(Math.round(sim.nowMs - before), 2000)
    sim.heal()
  }
  sim.crash(1)
  await t.rejects(connect(), { code: 'ETIMEDOUT' })
  const elsewhere = near.network.listen(address, () => undefined)
  await t.rejects(sim.complete(elsewhere), { code: 'EADDRNOTAVAIL' })
})

t.test('a connect that is cut off tries again, and succeeds when healed in time', async (t) => {
  const { sim } = await scene(1)
  sim.cut(0, 1)
  const connecting = sim.start(2).network.connect({ host: sim.hostOf(1), port: PORT }, 5000)
  sim.cut(2, 1)
  sim.after(500, () => sim.heal())
  const connection = await sim.complete(connecting)
  t.ok(sim.nowMs > 1000, 'a second after the first try')
  connection.destroy()
})

t.test('a paused process accepts and reads nothing, and then everything in order', async (t) => {
  const { sim, client, server } = await scene(1)
  sim.pause(1)
  client.send('a')
  const late = await sim.complete(
    sim.start(2).network.connect({ host: sim.hostOf(1), port: PORT }, 1000),
  )
  late.listen({ onData: () => undefined, onSent: () => undefined, onClose: () => undefined })
  late.write(utf8Bytes('early bytes'))
  await sim.run(5000)
  t.equal(server.text, '')
  client.send('b')
  sim.after(0.1, () => sim.resume(1))
  await sim.run(100)
  t.equal(server.text, 'ab')
})

t.test('isolating some machines leaves those connected among themselves', async (t) => {
  const { sim, client, server } = await scene(1)
  sim.start(2)
  sim.isolate([0, 1])
  client.send('a')
  await sim.run(100)
  t.equal(server.text, 'a')
  const outside = sim.start(3)
  sim.isolate([0, 1])
  const connecting = outside.network.connect({ host: sim.hostOf(1), port: PORT }, 1000)
  await t.rejects(sim.complete(connecting), { code: 'ETIMEDOUT' })
})
