/**
 * Fills memory with poison before it is used, and collects all bytes that simulated nodes and
 * clients send or write.
 *
 * Memory whose content a program has to write itself comes from five places:
 *
 *   Buffer.allocUnsafe, allocUnsafeSlow      not zeroed, or cut from a slab that is used again
 *   Spares.take (base/spares.ts)             blocks of frames, chunks of the log, scans, reads
 *   the scratch buffer of wire/convert.ts    each message is encoded over the one before
 *   protobuf.Writer.alloc                    a longer message
 *   the target of a read from a file         as far as the read may fill it
 *
 * `poison` replaces them for the rest of the process. The language zeroes `new Uint8Array`, so that
 * has nothing of earlier uses.
 *
 * A run of poison in an output is reported with its place. Shorter leftovers are found by comparing
 * two runs of one seed with different poison: every output must be equal, byte for byte.
 */
import protobuf from 'protobufjs/minimal.js'
import { Spares } from '../../src/base/spares.ts'
import { crc32c } from '../../src/native/digest.ts'
import { SimConnection } from '../../src/sim/network/connection.ts'
import { Content, Inode } from '../../src/sim/disk/sim-file.ts'
import { everwrite as pb } from '../../src/wire/generated/messages.js'

/** So many bytes of poison in a row are no accident in the random bytes of digests and nonces. */
export const RUN_BYTES = 8

/** The ways in which bytes leave, and arrive elsewhere. */
export type Outlet = 'sent' | 'received' | 'asked to be written' | 'written'

export interface Outputs {
  /** A checksum of each output, in order. */
  readonly checksums: readonly number[]
  readonly outlets: Readonly<Record<Outlet, number>>
  /** Outputs with a run of poison: which, and where in it. */
  readonly found: readonly string[]
  /** How often poison was filled in, by place; `encode X` for each kind of message. */
  readonly filled: ReadonlyMap<string, number>
  /** The output that was to be kept. */
  readonly kept: Uint8Array | undefined
}

const FOUND_MAX = 10
/** Bytes around a buffer of Node.js in the slab that it is cut from. */
const SLAB_BYTES = 64

let poisonByte = 0
let pattern = Buffer.alloc(0)
let keptIndex: number | undefined
let kept: Uint8Array | undefined
let checksums: number[] = []
let outlets = noOutlets()
let found: string[] = []
let filled = new Map<string, number>()
let isInstalled = false

/** Runs `act` with all memory poisoned by `byte`; keeps a copy of output number `keep`. */
export async function poison(
  byte: number,
  act: () => Promise<unknown>,
  keep?: number,
): Promise<Outputs> {
  if (!isInstalled) install()
  isInstalled = true
  poisonByte = byte
  pattern = Buffer.alloc(RUN_BYTES, byte)
  keptIndex = keep
  kept = undefined
  checksums = []
  outlets = noOutlets()
  found = []
  filled = new Map()
  await act()
  return { checksums, outlets, found, filled, kept }
}

function noOutlets(): Record<Outlet, number> {
  return { sent: 0, received: 0, 'asked to be written': 0, written: 0 }
}

function fill<Memory extends Uint8Array | Uint32Array>(place: string, memory: Memory): Memory {
  filled.set(place, (filled.get(place) ?? 0) + 1)
  memory.fill(memory.BYTES_PER_ELEMENT === 1 ? poisonByte : poisonByte * 0x01010101)
  return memory
}

function collect(outlet: Outlet, bytes: Uint8Array): void {
  outlets[outlet] += 1
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const at = view.indexOf(pattern)
  if (at >= 0 && found.length < FOUND_MAX) {
    found.push(`${bytes.length} bytes ${outlet}, poison at ${at}: ${around(bytes, at)}`)
  }
  if (checksums.length === keptIndex) kept = bytes.slice()
  checksums.push(crc32c(bytes, 0, bytes.length))
}

/** The bytes about `at`, in hexadecimal. */
export function around(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.slice(Math.max(0, at - 16), at + 16)).toString('hex')
}

function install(): void {
  poisonNode()
  poisonSpares()
  poisonMessages()
  watchOutputs()
}

function poisonNode(): void {
  // A poisoned part of a poisoned slab, as Node.js cuts short buffers from one.
  Buffer.allocUnsafe = (bytes) => {
    const slab = fill('allocUnsafe', new Uint8Array(bytes + 2 * SLAB_BYTES))
    return Buffer.from(slab.buffer, SLAB_BYTES, bytes)
  }
  Buffer.allocUnsafeSlow = (bytes) => fill('allocUnsafeSlow', Buffer.alloc(bytes))
}

function poisonSpares(): void {
  const take = Reflect.get(Spares.prototype, 'take') as () => Uint8Array
  Spares.prototype.take = function taken() {
    return fill('spares', Reflect.apply(take, this, []))
  }
}

type Encode = (message: object, writer: protobuf.Writer, ...depth: readonly unknown[]) => unknown

function poisonMessages(): void {
  const Writer = protobuf.Writer as unknown as { alloc: (bytes: number) => Uint8Array }
  Writer.alloc = (bytes) => fill('a longer message', new Uint8Array(bytes))
  for (const [name, message] of Object.entries(pb) as unknown as [string, { encode: Encode }][]) {
    const { encode } = message
    message.encode = (given, writer, ...depth) => {
      // The start of a message, and not of one within another.
      if (writer.pos === 0) fill(`encode ${name}`, writer.buf)
      return encode(given, writer, ...depth)
    }
  }
}

function watchOutputs(): void {
  before(SimConnection.prototype, 'write', (bytes) => collect('sent', bytes))
  before(SimConnection.prototype, 'onBytes', (bytes) => collect('received', bytes))
  before(Inode.prototype, 'begin', (_, bytes) => collect('asked to be written', bytes))
  before(Inode.prototype, 'write', (_, bytes) => collect('written', bytes))
  before(Content.prototype, 'read', (_, into, start, length) => {
    fill('reads', into.subarray(start, start + length))
  })
}

type Method = (...given: never[]) => unknown

/** Calls `act` before each call of a method. */
function before<Type extends object, Name extends keyof Type>(
  prototype: Type,
  name: Name,
  act: (...given: Parameters<Extract<Type[Name], Method>>) => void,
): void {
  const method = Reflect.get(prototype, name) as Method
  const acted = function (this: unknown, ...given: Parameters<typeof act>): unknown {
    act(...given)
    return Reflect.apply(method, this, given)
  }
  Reflect.set(prototype, name, acted)
}
