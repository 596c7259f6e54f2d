/**
 * The functions of the addon in TypeScript, as far as a client needs them.
 *
 * A client needs tokens, checksums and frames, and has them here in TypeScript, several times as
 * slow. Records, the key directory, Merkle trees and the lock of a data directory are a server's:
 * calling for one throws `addon-missing`.
 */
import { OperatingError } from '../../base/errors.ts'
import { ABI, type Addon, type PortableFunctions } from '../contract.ts'
import { crc32c } from './crc32c.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_TRAILER_BYTES,
  FRAME_WORDS,
  scanFrames,
  writeFrame,
} from './frames.ts'
import { md5Into, tokenInto } from './md5.ts'
import { sipHash128Into, sipHash64Into } from './siphash.ts'

const tokenWords = new Uint32Array(2)

export const portable: PortableFunctions = {
  md5Into,
  tokenInto,
  token: (bucket, key) => tokenInto(bucket, key, tokenWords),
  tokenWords,
  crc32c,
  sipHash64Into,
  sipHash128Into,
  frameHeaderBytes: FRAME_HEADER_BYTES,
  frameTrailerBytes: FRAME_TRAILER_BYTES,
  frameWords: FRAME_WORDS,
  scanFrames,
  writeFrame,
}

/** `fault` is why the addon cannot be loaded, as `addon-missing` shall say it. */
export function portableAddon(fault: string): Addon {
  const missing = (): never => {
    throw addonMissing(fault)
  }
  return {
    ...portable,
    abi: ABI,
    md5Lanes: [],
    crc32cVariants: [],
    md5Batch: missing,
    crc32cBy: missing,
    // Sizes of what cannot be made here.
    recordHeaderBytes: 0,
    recordWords: 0,
    recordScanWords: 0,
    movedWords: 0,
    directoryWords: 0,
    merkleLeafBits: 0,
    merkleChildren: 0,
    merkleEntryWords: 0,
    encodeRecord: missing,
    verifyRecord: missing,
    scanRecords: missing,
    scanMoved: missing,
    encodeMoved: missing,
    KeyDirectory: class {
      readonly size: number = missing()
    },
    MerkleTree: class {
      readonly bytes: number = missing()
    },
    keepFreedMemory: missing,
    tryLock: missing,
    readResident: missing,
  }
}

export function addonMissing(fault: string): OperatingError {
  return new OperatingError(
    'addon-missing',
    `a server and the simulator need the native addon, and ${fault}. Install python3, make, g++ ` +
      'and the headers of Node.js; then run `npm rebuild everwrite --build-from-source`, or ' +
      '`npm run build` in a checkout',
  )
}
