/**
 * Proof: native code earns its place. Four ratios against what Node.js or TypeScript would do.
 *
 * Machines are noisy, and a neighbour may take a core for a while. So ours and the rival run in
 * turn, in this one process, round by round; each round gives one ratio, and the median of the
 * ratios is the figure. A round is long enough to hold its share of garbage collections. Both sides
 * are checked to compute the same first, where they do.
 */
import { createHash } from 'node:crypto'
import * as zlib from 'node:zlib'
import { crc32c, md5Batch, tokenOf } from '../../src/native/digest.ts'
import { frameWords, scanFrames } from '../../src/native/frame-scanner.ts'
import type { Proof } from './proof.ts'
import { crc32c as crc32cPlain } from '../../src/native/portable/crc32c.ts'
import { scanFrames as scanFramesPlain } from '../../src/native/portable/frames.ts'
import { median } from '../support/median.ts'
import { runTimeNs } from '../support/run-time.ts'
import { Random, md5Plain } from '../unit/native/rivals.ts'
import { chunkOf } from '../../bench/frames.ts'

const ROUNDS = 21
/** How long one side runs in a round. */
const ROUND_MS = 30

interface Contest {
  readonly name: string
  /** Ours must be this many times as fast. */
  readonly bar: number
  /** Operations in one run of each side. */
  readonly operations: readonly [ours: number, rival: number]
  readonly ours: () => void
  readonly rival: () => void
}

interface Score {
  readonly ratio: number
  readonly oursNs: number
  readonly rivalNs: number
}

/** Nanoseconds an operation, over `runs` runs. */
function time(run: () => void, runs: number, operations: number): number {
  const ns = runTimeNs(() => {
    for (let i = 0; i < runs; i++) run()
  })
  return ns / (runs * operations)
}

/** How many runs take ROUND_MS, found once the compiler has warmed to it. */
function runsFor(run: () => void): number {
  time(run, 200, 1)
  return Math.max(1, Math.round((ROUND_MS * 1e6) / time(run, 200, 1)))
}

function play({ ours, rival, operations }: Contest): Score {
  const runs = [runsFor(ours), runsFor(rival)] as const
  const oursNs: number[] = []
  const rivalNs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    oursNs.push(time(ours, runs[0], operations[0]))
    rivalNs.push(time(rival, runs[1], operations[1]))
  }
  const ratios = oursNs.map((ns, i) => (rivalNs[i] as number) / ns)
  return { ratio: median(ratios), oursNs: median(oursNs), rivalNs: median(rivalNs) }
}

/** Throws if the two sides do not give the same bytes. */
function checkSame(what: string, ours: ArrayBufferView, rival: ArrayBufferView): void {
  const bytes = (view: ArrayBufferView): Buffer =>
    Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  if (!bytes(ours).equals(bytes(rival))) throw new Error(`${what}: the two sides differ`)
}

function contests(chance: Random): readonly Contest[] {
  const bucket = Buffer.from('carts')
  const keys = chance.bytes(64 * 24)
  const keyAt = Array.from({ length: 64 }, (_, i) => keys.subarray(24 * i, 24 * i + 24))
  const spans = Uint32Array.from({ length: 128 }, (_, i) => (i % 2 === 0 ? 12 * i : 24))
  const digests = new Uint8Array(64 * 16)
  md5Batch(keys, spans, 64, digests)
  checkSame('a batch of MD5', digests, Buffer.concat(keyAt.map(md5Plain)))
  const hashAll = (): void => {
    for (const key of keyAt) createHash('md5').update(key).digest()
  }

  const page = chance.bytes(4096)
  if (crc32c(page, 0, 4096) !== crc32cPlain(page, 0, 4096)) throw new Error('CRC-32C differs')
  const repeat = (call: () => unknown) => (): void => {
    for (let i = 0; i < 64; i++) call()
  }

  const chunk = chunkOf(chance, 256, 1)
  const words = frameWords(256)
  const plainWords = frameWords(256)
  scanFrames(chunk, 0, chunk.length, 1000, words)
  scanFramesPlain(chunk, 0, chunk.length, 1000, plainWords)
  checkSame('frames', words, plainWords)

  return [
    {
      name: 'token of one 24-byte key, against createHash',
      bar: 5,
      operations: [64, 64],
      ours: () => {
        for (const key of keyAt) tokenOf(bucket, key)
      },
      rival: hashAll,
    },
    {
      name: 'digests of 64 such keys in a batch, against createHash',
      bar: 30,
      operations: [64, 64],
      ours: () => md5Batch(keys, spans, 64, digests),
      rival: hashAll,
    },
    {
      name: 'CRC-32C of 4 KiB, against zlib.crc32',
      bar: 3,
      operations: [64, 64],
      ours: repeat(() => crc32c(page, 0, 4096)),
      rival: repeat(() => zlib.crc32(page)),
    },
    {
      name: 'frames of 100-byte bodies cut and checked, against TypeScript',
      bar: 5,
      operations: [256, 256],
      ours: () => void scanFrames(chunk, 0, chunk.length, 1000, words),
      rival: () => void scanFramesPlain(chunk, 0, chunk.length, 1000, plainWords),
    },
  ]
}

export const proof: Proof = {
  name: 'native',
  shows: 'digests, checksums and frames are several times as fast as without the addon',
  async run() {
    const figures: string[] = []
    let isMet = true
    for (const contest of contests(new Random(5))) {
      const { ratio, oursNs, rivalNs } = play(contest)
      if (ratio < contest.bar) isMet = false
      console.log(`${contest.name}: ${oursNs.toFixed(1)} ns, rival ${rivalNs.toFixed(1)} ns`)
      figures.push(`${ratio.toFixed(1)}x (bar ${contest.bar}x)`)
    }
    const [token, batch, checksum, frames] = figures
    const figure = `token ${token}, batch ${batch}, CRC-32C ${checksum}, frames ${frames}`
    return { isMet, figure }
  },
}
