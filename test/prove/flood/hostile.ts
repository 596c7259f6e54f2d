/**
 * Clients that ask for more than they read, send half messages, or do nothing: a process of its
 * own, so that the one that measures is not slowed down.
 *
 * Its argument is the node's port. It says when all are there; when it is told to end (its
 * standard input closes) it says in JSON how many bytes the slow reader got, and how many
 * connections the node ended that it should have left.
 */
import { connect, type Socket } from 'node:net'
import { VALUE_BYTES_MAX } from '../../../src/limits.ts'
import { FrameReader } from '../../../src/wire/frame.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { CONTROL_KINDS, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { frame, helloFrame, lengthFrame } from '../../support/raw-client.ts'

export const LARGE = { bucket: 'default', key: 'large' }

const GREEDY_GETS = 512
const SLOW_BYTES_PER_SECOND = 100_000
const HALF_SENDERS = 64
const IDLE = 2_000
const STEP_MS = 100
const DIALS_AT_ONCE = 50

interface Told {
  slowBytes: number
  /** Of the slow reader, which must not be cut. */
  isSlowCut: boolean
  idleCut: number
}

function getFrame(callId: number): Buffer {
  const { bucket, key } = LARGE
  const get = { bucket: Buffer.from(bucket), key: Buffer.from(key), deadlineMs: 60_000 }
  return frame(REQUEST_KINDS.get, callId, pb.Get.encode(get).finish())
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      // The node may end it.
      socket.on('error', () => undefined)
      socket.write(helloFrame())
      resolve(socket)
    })
  })
}

/** Asks for 4 GiB, and reads nothing. */
async function greedy(port: number): Promise<void> {
  const socket = await dial(port)
  socket.pause()
  for (let callId = 1; callId <= GREEDY_GETS; callId++) socket.write(getFrame(callId))
}

/** Reads a little at a time, and gives credit for all that is announced. */
async function slow(port: number, told: Told): Promise<void> {
  const socket = await dial(port)
  const reader = new FrameReader(2 ** 17, ({ kind, callId, bytes, start, length }) => {
    if (kind === REQUEST_KINDS.get + REPLY) told.slowBytes += length
    if (kind !== CONTROL_KINDS.length) return
    const announced = pb.Length.decode(bytes.slice(start, start + length))
    const credit = pb.Credit.encode({ bytes: announced.bytes, isAnswer: true }).finish()
    socket.write(frame(CONTROL_KINDS.credit, callId, credit))
  })
  for (let callId = 1; callId <= 8; callId++) socket.write(getFrame(callId))
  socket.on('close', () => {
    told.isSlowCut = true
  })
  // Without a listener for data the socket buffers little and reads no further.
  socket.on('readable', () => undefined)
  setInterval(() => {
    const available = Math.min(socket.readableLength, (SLOW_BYTES_PER_SECOND * STEP_MS) / 1000)
    const chunk = available > 0 ? (socket.read(available) as Buffer | null) : null
    if (chunk !== null) reader.feed(new Uint8Array(chunk))
  }, STEP_MS)
}

/** Every other one stops in a frame; the others announce a value, and stop in its first chunk. */
async function half(port: number, index: number): Promise<void> {
  const socket = await dial(port)
  const body = Buffer.alloc(60_000)
  if (index % 2 === 0) {
    socket.write(frame(REQUEST_KINDS.put, 1, body).subarray(0, 30_000))
    return
  }
  socket.write(lengthFrame(REQUEST_KINDS.put, 1, VALUE_BYTES_MAX))
  const reader = new FrameReader(2 ** 17, ({ kind }) => {
    if (kind !== CONTROL_KINDS.credit) return
    socket.write(frame(REQUEST_KINDS.put, 1, body, 1))
    socket.write(frame(REQUEST_KINDS.put, 1, body).subarray(0, 30_000))
  })
  socket.on('data', (chunk: Buffer) => void reader.feed(new Uint8Array(chunk)))
}

async function idle(port: number, told: Told): Promise<void> {
  for (let i = 0; i < IDLE; i += DIALS_AT_ONCE) {
    const sockets = await Promise.all(Array.from({ length: DIALS_AT_ONCE }, () => dial(port)))
    for (const socket of sockets) {
      socket.resume()
      socket.on('close', () => {
        told.idleCut += 1
      })
    }
  }
}

async function main(): Promise<void> {
  const port = Number(process.argv[2])
  const told: Told = { slowBytes: 0, isSlowCut: false, idleCut: 0 }
  await idle(port, told)
  await slow(port, told)
  await greedy(port)
  for (let i = 0; i < HALF_SENDERS; i++) await half(port, i)
  process.stdout.write('ready\n')
  process.stdin.resume()
  process.stdin.on('end', () => {
    process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0))
  })
}

if (process.argv[2] !== undefined) await main()
