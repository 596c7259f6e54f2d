/** The Merkle tree beside the same in TypeScript, and beside a digest of each entry. */
import { createHash } from 'node:crypto'
import { MERKLE_CHILDREN, MERKLE_ENTRY_WORDS, MerkleTree } from '../src/native/merkle.ts'
import { PlainMerkleTree } from '../test/unit/native/merkle-rivals.ts'
import { Random } from '../test/unit/native/rivals.ts'
import { measure, sizeFrom } from './harness.ts'

const size = sizeFrom(process.argv)
const ENTRIES = size === 'full' ? 1_000_000 : 20_000
/** Calls in one run, so that the clock is read seldom. */
const CALLS = 1024

const chance = new Random(6)
const key = chance.bytes(16)
const words = Uint32Array.from({ length: MERKLE_ENTRY_WORDS * ENTRIES }, () => chance.word())
const word = (i: number): number => words[i] as number
const sums = new Uint32Array(2 * MERKLE_CHILDREN)

const tree = new MerkleTree(key)
tree.addAll(words, ENTRIES)

/** The sums below the root: a tree with wrong leaves has wrong ones there too. */
function sumsOf(built: MerkleTree | PlainMerkleTree): Uint32Array {
  built.sumsBelow(0, 0, sums)
  return sums
}

await measure(`Merkle tree of ${ENTRIES} entries`, size, [
  {
    name: 'TypeScript, built: an entry',
    agrees: 'built',
    operations: ENTRIES,
    run: () => {
      const plain = new PlainMerkleTree(key)
      plain.addAll(words, ENTRIES)
      return sumsOf(plain)
    },
  },
  {
    name: 'addAll, built: an entry',
    agrees: 'built',
    operations: ENTRIES,
    run: () => {
      const built = new MerkleTree(key)
      built.addAll(words, ENTRIES)
      return sumsOf(built)
    },
  },
  {
    name: 'createHash, one entry, without a tree',
    operations: CALLS,
    run: () => {
      const bytes = new Uint8Array(words.buffer)
      let last = bytes.subarray(0, 16)
      for (let i = 0; i < CALLS; i++) {
        last = createHash('md5')
          .update(bytes.subarray(16 * i, 16 * i + 16))
          .digest()
      }
      return last
    },
  },
  {
    name: 'remove and add, one entry',
    operations: CALLS,
    run: () => {
      for (let i = 0; i < 4 * CALLS; i += 4) {
        tree.remove(word(i), word(i + 1), word(i + 2), word(i + 3))
        tree.add(word(i), word(i + 1), word(i + 2), word(i + 3))
      }
      return sumsOf(tree)
    },
  },
  {
    name: 'replace, one entry',
    operations: CALLS,
    run: () => {
      for (let i = 0; i < 4 * CALLS; i += 4) {
        const [hi, lo] = [word(i + 2), word(i + 3)]
        tree.replace(word(i), word(i + 1), hi, lo, hi, lo)
      }
      return sumsOf(tree)
    },
  },
  {
    name: 'sum of a prefix of 10 bits',
    operations: CALLS,
    run: () => {
      for (let i = 0; i < CALLS; i++) tree.sum(10, i, sums)
      return sums
    },
  },
  {
    name: 'sumsBelow a prefix of 12 bits',
    operations: CALLS,
    run: () => {
      for (let i = 0; i < CALLS; i++) tree.sumsBelow(12, i, sums)
      return sums
    },
  },
])
console.log(
  `  ${(tree.bytes / 2 ** 20).toFixed(2)} MiB, and ${new MerkleTree(key).bytes} bytes empty`,
)
