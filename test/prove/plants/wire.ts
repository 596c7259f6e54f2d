/** Plants about bytes on connections: frames, calls, chunks, what waits. */
import type { Plant, PlantGroup } from './plant.ts'

const FRAMES: readonly Plant[] = [
  {
    name: 'half frames of all connections lie in one buffer',
    find: 'this.#carry = new Uint8Array(needed === 0 ? room : Math.min(needed, room))',
    replace: 'this.#carry = globalThis.carried ??= new Uint8Array(1 << 20)',
    why: 'the bytes of one connection are continued by those of another',
  },
  {
    name: 'the longest frame is refused',
    find: 'scanFrames(bytes, from, end, this.#bodyBytesMax, words)',
    replace: 'scanFrames(bytes, from, end, this.#bodyBytesMax - 1, words)',
    why: 'off by one: what may just be sent may not be received',
    caughtBy: 'test/unit/wire/frame.test.ts',
  },
  {
    name: 'the header of an empty frame is not verified',
    find: 'load<uint32_t>(header + 16) != crc32c({header, 16})',
    replace:
      'load<uint32_t>(header + 12) != 0 && load<uint32_t>(header + 16) != crc32c({header, 16})',
    why: 'a flipped bit makes it another kind, or the answer to another call',
    caughtBy: 'test/unit/wire/frame.test.ts',
  },
  {
    name: 'a block is written and filled anew',
    find: 'const copy = Buffer.allocUnsafe(used); copy.set(block.subarray(0, used))',
    replace: 'const copy = block.subarray(0, used)',
    why: 'bytes change between the write and their leaving',
  },
]

const CALLS: readonly Plant[] = [
  {
    name: 'an answer goes to the oldest call of its kind',
    find:
      'this.#end(callId, call); ' +
      'this.#deliver(call, kind, frame.bytes, frame.start, frame.length)',
    replace:
      'const [id, one] = [...this.#calls].find(([, { kind: asked }]) => REQUEST_KINDS[asked] + ' +
      'REPLY === kind) ?? [callId, call]; this.#end(id, one); ' +
      'this.#deliver(one, kind, frame.bytes, frame.start, frame.length)',
    why: 'answers may come in any order',
  },
  {
    name: 'calls in flight have no bound',
    find: 'if (this.#calls.size < CALLS_PER_CONNECTION_MAX && !this.#sender.isFull)',
    replace: 'if (this.#calls.size >= 0)',
    why: 'a peer that does not answer takes all memory',
    caughtBy: 'test/unit/wire/session.test.ts',
  },
  {
    name: 'writes that wait for one key have no bound',
    find: 'if (waiters.length >= WAITERS_PER_KEY_MAX) {',
    replace: 'if (waiters.length < 0) {',
    why: 'one busy key takes all memory',
    caughtBy: 'test/unit/node/replica/replica.test.ts',
  },
]

const STREAMS: readonly Plant[] = [
  {
    name: 'credit is not counted',
    find: 'if (received > message.granted) {',
    replace: 'if (received < 0) {',
    why: 'a sender that ignores it fills the memory of its receiver',
    caughtBy: 'test/unit/wire/chunks.test.ts',
  },
  {
    name: 'a message may be of any length',
    find: 'if (bytes > MESSAGE_BYTES_MAX) { this.#sender.fail',
    replace: 'if (bytes < 0) { this.#sender.fail',
    why: 'a message that never ends takes all memory',
    caughtBy: 'test/unit/wire/chunks.test.ts',
  },
  {
    name: 'credit is given before there is memory',
    find: 'announced.cancelWaiting = share.whenTaken(bytes, () => {',
    replace: 'announced.cancelWaiting = share.whenTaken(0, () => {',
    why: 'half messages of many connections take all memory',
    caughtBy: 'test/unit/wire/chunks.test.ts',
  },
  {
    name: 'calls begin without memory for their answers',
    find: 'if (first === 0 || this.#memory.begun.take(first)) this.#begin(call, first)',
    replace: 'if (first >= 0) this.#begin(call, first)',
    why: 'a client that asks for much at once takes all memory',
    caughtBy: 'test/unit/wire/slow.test.ts',
  },
  {
    name: 'an answer gives its memory back before it has left',
    find: 'if (left === sent) this.#giveBack(now)',
    replace: 'if (left <= sent) this.#giveBack(now)',
    why: 'a client that asks and does not read takes all memory',
    caughtBy: 'test/unit/wire/slow.test.ts',
  },
  {
    name: 'long values are read without memory for them',
    find: 'await room?.reserve(objectBytes + NOTE_BYTES_MAX)',
    replace: '',
    why: 'a client that asks for large values takes all memory',
    caughtBy: 'test/unit/store/log/log.test.ts',
  },
  {
    name: 'a connection that wants memory is served before the others',
    find: 'if (this.#turns.size > 0 || !this.#hasRoom(bytes)) return false',
    replace: 'if (!this.#hasRoom(bytes)) return false',
    why: 'what is large waits for ever beside many that are small',
    caughtBy: 'test/unit/wire/byte-pool.test.ts',
  },
  {
    name: 'records that wait for the disk have no bound',
    find: 'if (this.#unsyncedBytes > 0 && unsyncedBytes > this.#options.unsyncedBytesMax) {',
    replace: 'if (unsyncedBytes < 0) {',
    why: 'a slow disk takes all memory',
    caughtBy: 'test/unit/store/log/log.test.ts',
  },
]

const STALE: readonly Plant[] = [
  {
    name: 'a block of frames is used again while it is being sent',
    find: 'if (used >= HAND_OVER_BYTES) {',
    replace: 'if (used >= HAND_OVER_BYTES) { blocks.giveBack(block)',
    why:
      'frames for one connection are sent on another: mostly a checksum fails and the call is ' +
      'tried again, so that no checker objects',
    caughtBy: 'test/sim/poison.test.ts',
  },
]

export const WIRE: PlantGroup = {
  name: 'wire',
  plantsMin: 13,
  plants: [...FRAMES, ...CALLS, ...STREAMS, ...STALE],
}
