/** One end of a plain copy, in a process of its own: `send PORT FILE…` or `receive FILE`. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'

const PIECE_BYTES = 1024 * 1024

async function send(port: number, files: readonly string[]): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  for (const file of files) {
    for await (const chunk of createReadStream(file, { highWaterMark: PIECE_BYTES })) {
      if (!socket.write(chunk as Buffer)) await once(socket, 'drain')
    }
  }
  socket.end()
}

async function receive(path: string): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
  const [socket] = (await once(server, 'connection')) as [Socket]
  const file = await open(path, 'w')
  let bytes = 0
  let unsynced = 0
  for await (const chunk of socket) {
    const { length } = chunk as Buffer
    await file.write(chunk as Buffer)
    bytes += length
    unsynced += length
    if (unsynced < PIECE_BYTES) continue
    await file.datasync()
    unsynced = 0
  }
  await file.datasync()
  await file.close()
  process.send?.({ bytes })
}

const [role, ...args] = process.argv.slice(2)
if (role === 'send') await send(Number(args[0]), args.slice(1))
else await receive(args[0] as string)
