/**
 * What the wire costs a put of 1 KiB: its bytes made and read, and a call through two sessions.
 *
 * The sessions talk through an in-memory pipe of the tests; its share stands in a line of its own.
 * protobufjs as its manual has it, a writer for each message, is the rival of our one writer.
 */
import { encodeRequest, decodeRequest } from '../src/wire/convert.ts'
import { FrameReader } from '../src/wire/frame.ts'
import { FrameWriter } from '../src/wire/frame-writer.ts'
import { everwrite as pb } from '../src/wire/generated/messages.js'
import type { Put } from '../src/wire/message/client.ts'
import { REQUEST_KINDS } from '../src/wire/message/table.ts'
import { REPLIES } from '../test/support/wire-replies.ts'
import { REQUESTS } from '../test/support/wire-requests.ts'
import { sessionPair } from '../test/support/wire-frames.ts'
import { WirePipeWorld, wirePipe } from '../test/support/wire-pipe.ts'
import { measure, sizeFrom, type Task } from './harness.ts'

const size = sizeFrom(process.argv)
const put: Put = { ...REQUESTS.put, value: new Uint8Array(1024).fill(7) }

const making: readonly Task[] = [
  {
    name: 'protobufjs, a writer for each',
    agrees: 'body',
    run: () => {
      const { name, contexts, value, requestId, w, deadlineMs } = put
      const message = { ...name, contexts: [...contexts], value: value ?? null, requestId }
      return pb.Put.encode({ ...message, w, deadlineMs }).finish()
    },
  },
  {
    name: 'encodeRequest',
    agrees: 'body',
    run: () => {
      const body = encodeRequest('put', put)
      return body.bytes.subarray(0, body.length)
    },
  },
]

function roundTrip(count: number): Task {
  const written: Uint8Array[] = []
  const writer = new FrameWriter((bytes) => void written.push(bytes))
  let values = 0
  const reader = new FrameReader(2 ** 24, ({ bytes, start, length }) => {
    values += decodeRequest('put', bytes, start, length).value?.length ?? 0
  })
  return {
    name: `encoded, framed, scanned, decoded: ${count} a turn`,
    operations: count,
    run: () => {
      values = 0
      for (let i = 0; i < count; i++) {
        const body = encodeRequest('put', put)
        writer.add(REQUEST_KINDS.put, 0, i, body.bytes, 0, body.length)
      }
      writer.flush()
      for (const bytes of written) reader.feed(bytes)
      written.length = 0
      return values
    },
  }
}

async function callsThrough(count: number): Promise<Task> {
  const { world, near, farEvents, nearEnd, farEnd } = await sessionPair()
  nearEnd.freeBytes = farEnd.freeBytes = 2 ** 30
  farEvents.onCall = (call) => (call.kind === 'put' ? call.answer(REPLIES.put) : undefined)
  let answers = 0
  const onAnswer = (): void => void (answers += 1)
  return {
    name: `put called and answered: ${count} in flight`,
    operations: count,
    run: () => {
      answers = 0
      for (let i = 0; i < count; i++) near.call('put', put, onAnswer)
      world.run()
      return answers
    },
  }
}

function pipeAlone(): Task {
  const world = new WirePipeWorld()
  const [near, far] = wirePipe(world)
  let received = 0
  const onData = (chunk: Uint8Array): void => void (received = chunk.length)
  const none = (): void => undefined
  near.listen({ onData: none, onSent: none, onClose: none })
  far.listen({ onData, onSent: none, onClose: none })
  near.freeBytes = 2 ** 30
  const bytes = new Uint8Array(1100)
  return {
    name: 'the pipe alone, one chunk of 1,100 bytes',
    run: () => {
      near.write(bytes)
      world.run()
      return received
    },
  }
}

await measure('The body of a put of 1 KiB', size, making)
await measure('A put of 1 KiB, one way', size, [roundTrip(1), roundTrip(16), roundTrip(256)])
const calls = [await callsThrough(1), await callsThrough(16), await callsThrough(256)]
await measure('A put of 1 KiB, there and back', size, [...calls, pipeAlone()])
