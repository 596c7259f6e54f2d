import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import t from 'tap'
import { hostNetwork } from '../../../src/host/network.ts'
import { addressLabel } from '../../../src/world/network.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }

t.test('an address in use is named in the error', async (t) => {
  const listener = await hostNetwork.listen(LOCAL, () => undefined)
  const label = addressLabel(listener.address)
  await t.rejects(
    hostNetwork.listen(listener.address, () => undefined),
    { code: 'address-taken', message: `${label} is in use by another program` },
  )
  await listener.close()
  await t.rejects(
    hostNetwork.listen({ host: '192.0.2.1', port: 0 }, () => undefined),
    { code: 'address-wrong', message: /this machine has no such address/ },
  )
})

t.test('a connect is given up after its time', async (t) => {
  // A process that accepts nothing, whose queue is full: the system lets everyone else wait.
  const script = `
    const server = require('node:net').createServer()
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      process.stdout.write(String(server.address().port))
    })
  `
  const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => other.kill('SIGKILL'))
  const [said] = (await once(other.stdout, 'data')) as [Buffer]
  const address = { host: '127.0.0.1', port: Number(said.toString()) }
  other.kill('SIGSTOP')
  const waiting = Array.from({ length: 4 }, () => createConnection(address))
  for (const socket of waiting) {
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
  }
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  const before = performance.now()
  await t.rejects(hostNetwork.connect(address, 80), { code: 'ETIMEDOUT' })
  const tookMs = performance.now() - before
  t.ok(tookMs >= 79 && tookMs < 1000)
})

t.test('chunks are plain bytes, whose slices are copies', async (t) => {
  const server = createServer((socket) => socket.end('some bytes'))
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as { port: number }
  const connection = await hostNetwork.connect({ host: '127.0.0.1', port }, 1000)
  const chunks: Uint8Array[] = []
  const error = await new Promise<Error | undefined>((resolve) => {
    connection.listen({
      onData: (chunk) => chunks.push(chunk),
      onSent: () => undefined,
      onClose: resolve,
    })
  })
  t.equal(error, undefined)
  t.ok(chunks.length > 0)
  for (const chunk of chunks) {
    t.notOk(Buffer.isBuffer(chunk))
    t.not(chunk.slice().buffer, chunk.buffer)
  }
})

t.test('an end that is reset says so, once', async (t) => {
  const server = createServer((socket) => {
    socket.once('data', () => socket.resetAndDestroy())
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as { port: number }
  const connection = await hostNetwork.connect({ host: '127.0.0.1', port }, 1000)
  let closes = 0
  const error = await new Promise<Error | undefined>((resolve) => {
    connection.listen({
      onData: () => undefined,
      onSent: () => undefined,
      onClose: (reason) => {
        closes += 1
        resolve(reason)
      },
    })
    connection.write(new Uint8Array(3))
  })
  t.match(error, { code: 'ECONNRESET' })
  connection.write(new Uint8Array(3))
  connection.destroy()
  await new Promise(setImmediate)
  t.equal(closes, 1)
})
