/**
 * Stands in a node's process and tells a proof what no request tells: the roots of its hash trees,
 * and how many bytes its exchanges take.
 *
 * It is loaded before the product's command (`observedAs`), and wraps one method of the trees and
 * one of the wire. A connection to its socket is answered with an `Observed` as JSON.
 *
 * Why not the bytes of the connections: heartbeats are on them too.
 */
import { createServer } from 'node:net'
import { hexOf } from '../../../src/base/bytes.ts'
import { FRAME_HEADER_BYTES, FRAME_TRAILER_BYTES } from '../../../src/native/frame-scanner.ts'
import { Trees } from '../../../src/node/replica/trees.ts'
import { FramedConnection } from '../../../src/wire/framed-connection.ts'
import { CONTROL_KINDS } from '../../../src/wire/message/session.ts'
import { OBSERVED_N, type Observed, PARTITION_BITS, SOCKET_VARIABLE } from './observed.ts'

/** Of a timer that notices how long the event loop does not turn. */
const TICK_MS = 10
const FRAME_BYTES: number = FRAME_HEADER_BYTES + FRAME_TRAILER_BYTES
/** Frames of a message in chunks: they count, and others of the session itself do not. */
const COUNTED_CONTROLS: readonly number[] = [
  CONTROL_KINDS.credit,
  CONTROL_KINDS.length,
  CONTROL_KINDS.cancel,
]
const CONTROLS = new Set<number>(Object.values(CONTROL_KINDS))

let trees: Trees | undefined
let builtMs: number | undefined
let builtPauseMs: number | undefined
let askedBytes = 0
const answeredBytes: Record<string, number> = {}

const build: Trees['build'] = Reflect.get(Trees.prototype, 'build')
Trees.prototype.build = function (this: Trees, ...given: Parameters<Trees['build']>) {
  return observeBuilding(this, build.apply(this, given))
}

async function observeBuilding(building: Trees, built: Promise<void>): Promise<void> {
  trees = building
  const began = performance.now()
  let heard = began
  let longest = 0
  const listening = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - heard)
    heard = now
  }, TICK_MS)
  await built
  builtMs = performance.now() - began
  // The turn that is still going on counts too.
  setTimeout(() => {
    clearInterval(listening)
    builtPauseMs = longest
  }, 2 * TICK_MS)
}

type SendPart = FramedConnection['sendPart']
const sendPart: SendPart = Reflect.get(FramedConnection.prototype, 'sendPart')
FramedConnection.prototype.sendPart = function (...sent: Parameters<SendPart>): void {
  const [kind, , , , , length] = sent
  if (!CONTROLS.has(kind) || COUNTED_CONTROLS.includes(kind)) count(this, FRAME_BYTES + length)
  sendPart.apply(this, sent)
}

function count({ side, remote: { host } }: FramedConnection, bytes: number): void {
  if (side === 'connector') askedBytes += bytes
  else answeredBytes[host] = (answeredBytes[host] ?? 0) + bytes
}

function observed(): Observed {
  return { roots: roots(), builtMs, builtPauseMs, askedBytes, answeredBytes }
}

function roots(): readonly string[] | undefined {
  if (trees?.isBuilt !== true) return undefined
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  const found: string[] = []
  for (let partition = 0; partition < 2 ** PARTITION_BITS; partition++) {
    const { hi, lo } = trees.sum(OBSERVED_N, PARTITION_BITS, partition)
    view.setUint32(0, hi)
    view.setUint32(4, lo)
    found.push(hexOf(bytes))
  }
  return found
}

const path = process.env[SOCKET_VARIABLE]
if (path !== undefined) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(JSON.stringify(observed()))
  })
  server.listen(path)
  server.unref()
}
