import { getEventListeners } from 'node:events'
import t, { type Test } from 'tap'
import { joinBytes, utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import type { Address, Connection, Listener } from '../../../src/world/network.ts'
import { PLACES, type Place } from './places.ts'

/** One end, with all that happened to it. */
class End {
  readonly connection: Connection
  readonly chunks: Uint8Array[] = []
  drains = 0
  closes = 0
  error: Error | undefined
  readonly closed: Promise<void>
  #onEvent: () => void = () => undefined

  constructor(connection: Connection) {
    this.connection = connection
    this.closed = new Promise((resolve) => {
      connection.listen({
        onData: (chunk) => {
          this.chunks.push(chunk)
          this.#onEvent()
        },
        onSent: () => {
          this.drains += 1
          this.#onEvent()
        },
        onClose: (error) => {
          this.closes += 1
          this.error = error
          resolve()
        },
      })
    })
  }

  text(): string {
    return utf8Text(joinBytes(this.chunks))
  }

  bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  /** When `isSo`, asked after every event. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onEvent = () => {
        if (isSo()) resolve()
      }
      this.#onEvent()
    })
  }
}

interface Pair {
  readonly client: End
  readonly server: End
  readonly listener: Listener
}

async function pairIn(place: Place): Promise<Pair> {
  const [near, far] = place.worlds
  let onServer: (end: End) => void = () => undefined
  const accepted = new Promise<End>((resolve) => {
    onServer = resolve
  })
  const address: Address = { host: place.hosts[1], port: 0 }
  const listener = await far.network.listen(address, (connection) => onServer(new End(connection)))
  const client = new End(await near.network.connect(listener.address, 1000))
  return { client, server: await accepted, listener }
}

for (const make of PLACES) {
  const place = await make()
  const [near, far] = place.worlds
  const test = (name: string, body: (t: Test) => Promise<void>): void => {
    void t.test(`${place.name}: ${name}`, (t) => place.done(body(t)))
  }
  t.teardown(() => place.end())

  test('bytes arrive in order, both ways, however they were cut', async (t) => {
    const { client, server, listener } = await pairIn(place)
    t.same(client.connection.remote, listener.address)
    t.ok(server.connection.remote.port > 0)
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i};`)
    for (const line of lines) client.connection.write(utf8Bytes(line))
    server.connection.write(utf8Bytes('welcome'))
    const all = lines.join('')
    await server.until(() => server.bytes() >= all.length)
    await client.until(() => client.bytes() >= 7)
    t.equal(server.text(), all)
    t.equal(client.text(), 'welcome')
    client.connection.destroy()
    server.connection.destroy()
    await Promise.all([client.closed, server.closed, listener.close()])
  })

  test('an end sends what was written, and closes both sides in order, once', async (t) => {
    const { client, server, listener } = await pairIn(place)
    const large = new Uint8Array(500_000).fill(97)
    client.connection.write(large)
    client.connection.end()
    client.connection.write(utf8Bytes('too late'))
    t.equal(client.closes, 0, 'never within the call')
    await Promise.all([client.closed, server.closed])
    t.equal(server.bytes(), large.length)
    t.same([client.closes, server.closes], [1, 1])
    t.same([client.error, server.error], [undefined, undefined])
    await listener.close()
  })

  test('destroy closes this side at once and the other soon; then nothing happens', async (t) => {
    const { client, server, listener } = await pairIn(place)
    client.connection.destroy()
    client.connection.destroy()
    t.equal(client.closes, 0, 'never within the call')
    client.connection.write(utf8Bytes('dropped'))
    client.connection.end()
    await Promise.all([client.closed, server.closed])
    server.connection.write(utf8Bytes('dropped'))
    t.same([client.closes, server.closes, server.bytes()], [1, 1, 0])
    t.equal(client.error, undefined)
    t.equal(client.connection.unsentBytes, 0)
    await listener.close()
  })

  test('a reader that pauses holds the writer back, and a drain says when to go on', async (t) => {
    const { client, server, listener } = await pairIn(place)
    server.connection.pause()
    const block = new Uint8Array(256 * 1024)
    const count = 64
    for (let i = 0; i < count; i++) client.connection.write(block)
    await new Promise<void>((resolve) => {
      near.clock.after(50, resolve)
    })
    t.equal(server.bytes(), 0)
    t.ok(client.connection.unsentBytes > 0)
    server.connection.resume()
    t.equal(server.bytes(), 0, 'never within the call')
    await client.until(() => client.drains > 0 && client.connection.unsentBytes === 0)
    t.equal(client.connection.unsentBytes, 0)
    await server.until(() => server.bytes() === count * block.length)
    t.ok(client.drains >= 1)
    client.connection.end()
    await Promise.all([client.closed, server.closed, listener.close()])
  })

  test('a closed listener accepts no more, and what it accepted lives on', async (t) => {
    const { client, server, listener } = await pairIn(place)
    await listener.close()
    await t.rejects(near.network.connect(listener.address, 500), { code: 'ECONNREFUSED' })
    client.connection.write(utf8Bytes('still here'))
    await server.until(() => server.text() === 'still here')
    const again = await far.network.listen(listener.address, () => undefined)
    t.same(again.address, listener.address)
    await again.close()
    client.connection.end()
    await Promise.all([client.closed, server.closed])
  })

  test('a connect whose signal is aborted fails at once, and no connection stays', async (t) => {
    let closed: () => void = () => undefined
    const gone = new Promise<void>((resolve) => (closed = resolve))
    const address = { host: place.hosts[1], port: 0 }
    const listener = await far.network.listen(address, (connection) => {
      void new End(connection).closed.then(closed)
    })
    const isAborted = { code: 'ECANCELED' }
    const before = near.network.connect(listener.address, 60_000, AbortSignal.abort())
    await t.rejects(before, isAborted)
    const abort = new AbortController()
    const during = near.network.connect(listener.address, 60_000, abort.signal)
    abort.abort()
    await t.rejects(during, isAborted)
    t.equal(getEventListeners(abort.signal, 'abort').length, 0)
    const later = new AbortController()
    const open = new End(await near.network.connect(listener.address, 60_000, later.signal))
    t.equal(getEventListeners(later.signal, 'abort').length, 0)
    later.abort()
    t.equal(open.closes, 0, 'an open connection stays')
    open.connection.destroy()
    await Promise.all([open.closed, gone, listener.close()])
  })

  test('an address is listened on once', async (t) => {
    const address = { host: place.hosts[1], port: 0 }
    const listener = await far.network.listen(address, () => undefined)
    const taken = far.network.listen(listener.address, () => undefined)
    await t.rejects(taken, {
      code: 'address-taken',
      message: new RegExp(String(listener.address.port)),
    })
    await listener.close()
  })
}
