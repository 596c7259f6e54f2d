/**
 * Loads the addon, once, and says what is in it.
 *
 * The compiled file stands at build/Release/everwrite.node below the root of the package, whether
 * this code runs from dist/ or from its source; the root is the nearest folder above with a
 * package.json. A file built from other sources than this one is refused by its `abi` number: a
 * wrong guess about a signature would be a wrong answer, not an error.
 *
 * Only the faces beside this file import it. They give each function its meaning; the types below
 * say only what crosses the boundary.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** native/addon.cc exports the same number: raise both when a signature changes. */
const ABI = 2

/** What the compiled module exports. */
export interface Addon {
  readonly abi: number

  /** The variants this processor can run, the one in use first: for tests and benchmarks. */
  readonly md5Lanes: readonly number[]
  readonly crc32cVariants: readonly string[]
  readonly md5Into: (
    input: Uint8Array,
    start: number,
    length: number,
    out: Uint8Array,
    outStart: number,
  ) => void
  readonly md5Batch: (
    input: Uint8Array,
    spans: Uint32Array,
    count: number,
    out: Uint8Array,
    variant?: number,
  ) => void
  readonly tokenInto: (bucket: Uint8Array, key: Uint8Array, out: Uint32Array) => void
  /** Writes hi and lo into `tokenWords`, which the addon owns: faster than a third array. */
  readonly token: (bucket: Uint8Array, key: Uint8Array) => void
  readonly tokenWords: Readonly<Uint32Array>
  readonly crc32c: (bytes: Uint8Array, start: number, length: number) => number
  readonly crc32cBy: (variant: number, bytes: Uint8Array, start: number, length: number) => number
  readonly sipHash64Into: (
    key: Uint8Array,
    bytes: Uint8Array,
    start: number,
    length: number,
    out: Uint32Array,
  ) => void
  readonly sipHash128Into: (
    key: Uint8Array,
    bytes: Uint8Array,
    start: number,
    length: number,
    out: Uint8Array,
    outStart: number,
  ) => void

  readonly frameHeaderBytes: number
  readonly frameTrailerBytes: number
  readonly frameWords: number
  readonly scanFrames: (
    chunk: Uint8Array,
    start: number,
    end: number,
    bodyBytesMax: number,
    out: Uint32Array,
  ) => number
  readonly writeFrame: (
    out: Uint8Array,
    at: number,
    kind: number,
    flags: number,
    callId: number,
    bodyLength: number,
  ) => void

  readonly recordHeaderBytes: number
  readonly recordWords: number
  readonly recordScanWords: number
  readonly encodeRecord: (
    out: Uint8Array,
    at: number,
    kind: number,
    segment: number,
    offset: number,
    sequence: number,
    synced: number,
    bucket: Uint8Array,
    key: Uint8Array,
    note: Uint8Array,
    body: Uint8Array,
    digestHi: number,
    digestLo: number,
  ) => number
  readonly verifyRecord: (
    bytes: Uint8Array,
    start: number,
    end: number,
    segment: number,
    offset: number,
    out: Uint32Array,
  ) => number
  readonly scanRecords: (
    bytes: Uint8Array,
    start: number,
    end: number,
    segment: number,
    baseOffset: number,
    out: Uint32Array,
  ) => number

  readonly directoryWords: number
  readonly KeyDirectory: new () => unknown

  /** 0 taken, 1 held elsewhere, 2 failed. */
  readonly tryLock: (fd: number) => number
  readonly readResident: (
    fd: number,
    position: number,
    into: Uint8Array,
    start: number,
    length: number,
  ) => number
}

/** The nearest folder at or above `from` that has a package.json. */
function packageRoot(from: string): string {
  let folder = from
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) throw new Error(`no package.json at or above ${from}`)
    folder = above
  }
  return folder
}

/** Loads one compiled file, and refuses one that was built from other sources. */
export function loadAddon(path: string): Addon {
  if (!existsSync(path)) {
    throw new Error(`the native addon is not built (no ${path}): run \`npm run build\``)
  }
  const addon = createRequire(import.meta.url)(path) as Addon
  if (addon.abi !== ABI) {
    throw new Error(
      `the native addon is of abi ${addon.abi}, this code wants ${ABI}: run \`npm run build\``,
    )
  }
  return addon
}

/**
 * Where the compiled file stands. The variable names another root: for an addon compiled with
 * sanitizers or for coverage.
 */
export const addonPath: string = join(
  process.env['EVERWRITE_PREBUILD'] ?? packageRoot(dirname(fileURLToPath(import.meta.url))),
  'build/Release/everwrite.node',
)

export const addon: Addon = loadAddon(addonPath)
