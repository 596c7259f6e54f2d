/** The Merkle tree against a list of its entries, whose digests BigInt adds up. */
import t from 'tap'
import { sipHash64Into } from '../../../src/native/digest.ts'
import { KeyDirectory } from '../../../src/native/key-directory.ts'
import {
  MERKLE_CHILDREN,
  MERKLE_ENTRY_WORDS,
  MERKLE_LEAF_BITS,
  MerkleTree,
} from '../../../src/native/merkle.ts'
import { eachBranch, PlainMerkleTree } from './merkle-rivals.ts'
import { Random } from './rivals.ts'
import { SIPHASH_64 } from './siphash-vectors.ts'

type Entry = readonly [tokenHi: number, tokenLo: number, digestHi: number, digestLo: number]

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i)
const WORDS = new Uint32Array(2 * MERKLE_CHILDREN)
const OTHERS = new Uint32Array(2 * MERKLE_CHILDREN)

const join = (hi: number, lo: number): bigint => (BigInt(hi) << 32n) | BigInt(lo)

/** The digest of one entry, over its words one by one. */
function digestOf(entry: Entry, key = KEY): bigint {
  const bytes = new DataView(new ArrayBuffer(16))
  entry.forEach((word, i) => bytes.setUint32(4 * i, word, true))
  const out = new Uint32Array(2)
  sipHash64Into(key, new Uint8Array(bytes.buffer), 0, 16, out)
  return join(out[0] as number, out[1] as number)
}

/** The tree as a list: slow and plainly right. */
class PlainTree {
  readonly #leaves = new Map<number, bigint>()

  add(entry: Entry, sign = 1n): void {
    const leaf = entry[0] >>> (32 - MERKLE_LEAF_BITS)
    const sum = (this.#leaves.get(leaf) ?? 0n) + sign * digestOf(entry)
    this.#leaves.set(leaf, BigInt.asUintN(64, sum))
  }

  #isBelow(leaf: number, bits: number, prefix: number): boolean {
    return leaf >>> (MERKLE_LEAF_BITS - bits) === prefix
  }

  sum(bits: number, prefix: number): bigint {
    let sum = 0n
    for (const [leaf, value] of this.#leaves) if (this.#isBelow(leaf, bits, prefix)) sum += value
    return BigInt.asUintN(64, sum)
  }

  clearPrefix(bits: number, prefix: number): void {
    for (const leaf of this.#leaves.keys()) {
      if (this.#isBelow(leaf, bits, prefix)) this.#leaves.delete(leaf)
    }
  }
}

function sumOf(tree: MerkleTree, bits: number, prefix: number): bigint {
  tree.sum(bits, prefix, WORDS)
  return join(WORDS[0] as number, WORDS[1] as number)
}

function sumsBelow(tree: MerkleTree, bits: number, prefix: number): bigint[] {
  tree.sumsBelow(bits, prefix, WORDS)
  return Array.from({ length: MERKLE_CHILDREN }, (_, i) =>
    join(WORDS[2 * i] as number, WORDS[2 * i + 1] as number),
  )
}

/** Tokens that fill few leaves of many blocks, so that leaves and branches have several entries. */
function draw(chance: Random): Entry {
  const hi = ((chance.below(40) * 0x0666_6666) >>> 0) + chance.below(3) * 0x1000
  return [hi >>> 0, chance.word(), chance.word(), chance.word()]
}

/** The places where two trees differ, of all that there are. */
function between(one: MerkleTree, other: MerkleTree | PlainMerkleTree): string[] {
  const wrong: string[] = []
  eachBranch((bits, prefix) => {
    one.sumsBelow(bits, prefix, WORDS)
    other.sumsBelow(bits, prefix, OTHERS)
    for (let i = 0; i < WORDS.length; i++) {
      if (WORDS[i] !== OTHERS[i]) wrong.push(`word ${i} below ${bits} bits of ${prefix}`)
    }
  })
  return wrong
}

/** All sums above the entries, beside them, and below each prefix that has children. */
function differences(tree: MerkleTree, plain: PlainTree, entries: readonly Entry[]): string[] {
  const wrong: string[] = []
  for (let bits = 0; bits <= MERKLE_LEAF_BITS; bits++) {
    const prefixes = new Set(entries.map(([hi]) => (bits === 0 ? 0 : hi >>> (32 - bits))))
    for (const prefix of prefixes) {
      for (const near of [prefix, prefix ^ 1]) {
        if (near >= 2 ** bits) continue
        const sum = plain.sum(bits, near)
        if (sumOf(tree, bits, near) !== sum) wrong.push(`${bits} bits of ${near}`)
        if (bits > MERKLE_LEAF_BITS - 4) continue
        const below = sumsBelow(tree, bits, near)
        const total = below.reduce((a, b) => a + b, 0n)
        if (BigInt.asUintN(64, total) !== sum) wrong.push(`below ${bits} bits of ${near}`)
        below.forEach((child, i) => {
          if (child !== sumOf(tree, bits + 4, 16 * near + i)) wrong.push(`child ${i} of ${near}`)
        })
      }
    }
  }
  return wrong
}

t.test('an entry is digested as four little-endian words', async (t) => {
  // The published vector is of the bytes 00 01 … 0f under this very key.
  const entry: Entry = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]
  const vector = Buffer.from(SIPHASH_64[16] as string, 'hex').readBigUInt64LE()
  const tree = new MerkleTree(KEY)
  tree.add(...entry)
  t.equal(sumOf(tree, 0, 0), vector)
  t.equal(sumOf(tree, 20, 0x03020), vector, 'the leaf is the first 20 bits of the token')
  t.equal(digestOf(entry), vector)
  const other = new MerkleTree(KEY.toReversed())
  other.add(...entry)
  t.equal(sumOf(other, 0, 0), digestOf(entry, KEY.toReversed()), 'under another key')
})

t.test('random changes agree with a list of entries, on all levels', async (t) => {
  const chance = new Random(31)
  const tree = new MerkleTree(KEY)
  const plain = new PlainTree()
  const entries: Entry[] = []
  for (let step = 0; step < 3000; step++) {
    const known = entries[chance.below(entries.length)]
    const kind = known === undefined ? 0 : chance.below(3)
    if (known === undefined || kind === 0) {
      const entry = draw(chance)
      tree.add(...entry)
      plain.add(entry)
      entries.push(entry)
      continue
    }
    plain.add(known, -1n)
    entries.splice(entries.indexOf(known), 1)
    if (kind === 1) tree.remove(...known)
    else {
      const entry: Entry = [known[0], known[1], chance.word(), chance.word()]
      tree.replace(...known, entry[2], entry[3])
      plain.add(entry)
      entries.push(entry)
    }
  }
  t.same(differences(tree, plain, entries), [], `seed ${chance.seed}`)
  for (const entry of entries) tree.remove(...entry)
  t.equal(sumOf(tree, 0, 0), 0n, 'and nothing is left when all are removed')
  t.same(differences(tree, new PlainTree(), entries), [])
})

t.test('the order of changes has no influence', async (t) => {
  const chance = new Random(32)
  const entries = Array.from({ length: 300 }, () => draw(chance))
  const passing = Array.from({ length: 300 }, () => draw(chance))
  const expected = new MerkleTree(KEY)
  for (const entry of entries) expected.add(...entry)
  const changes = [
    ...entries.map((entry) => ['add', entry] as const),
    ...passing.flatMap((entry) => [['add', entry] as const, ['remove', entry] as const]),
  ]
  for (let round = 0; round < 3; round++) {
    const tree = new MerkleTree(KEY)
    const order = changes.map((change) => [chance.word(), change] as const)
    // A removal may come before its addition.
    for (const [, [kind, entry]] of order.toSorted(([a], [b]) => a - b)) tree[kind](...entry)
    t.same(between(tree, expected), [], `seed ${chance.seed}, round ${round}`)
  }
})

t.test('many entries a call give the sums of one a call, and of TypeScript', async (t) => {
  const chance = new Random(33)
  const counts = [0, 1, 31, 32, 33, 64, 65, 1000]
  for (const count of counts) {
    const words = Uint32Array.from({ length: MERKLE_ENTRY_WORDS * (count + 1) }, () =>
      chance.word(),
    )
    const tree = new MerkleTree(KEY)
    tree.addAll(words, count)
    const single = new MerkleTree(KEY)
    for (let i = 0; i < count; i++) {
      single.add(...([...words.subarray(4 * i, 4 * i + 4)] as unknown as Entry))
    }
    const plain = new PlainMerkleTree(KEY)
    plain.addAll(words, count)
    t.same(between(tree, single), [], `${count} entries, seed ${chance.seed}`)
    t.same(between(tree, plain), [], `${count} entries in TypeScript`)
  }
})

t.test('clearing a prefix of any length removes its entries and no other', async (t) => {
  const chance = new Random(34)
  for (let bits = 0; bits <= MERKLE_LEAF_BITS; bits++) {
    const tree = new MerkleTree(KEY)
    const plain = new PlainTree()
    const entries = Array.from({ length: 200 }, () => draw(chance))
    for (const entry of entries) {
      tree.add(...entry)
      plain.add(entry)
    }
    const token = (entries[7] as Entry)[0]
    const prefix = bits === 0 ? 0 : token >>> (32 - bits)
    tree.clearPrefix(bits, prefix)
    plain.clearPrefix(bits, prefix)
    t.same(differences(tree, plain, entries), [], `${bits} bits, seed ${chance.seed}`)
    tree.clearPrefix(bits, prefix)
    t.same(differences(tree, plain, entries), [], 'and clearing twice is the same')
    tree.add(...(entries[7] as Entry))
    plain.add(entries[7] as Entry)
    t.same(differences(tree, plain, entries), [], 'and it can be used again')
  }
})

t.test('memory is taken by what is written, and freed', async (t) => {
  const tree = new MerkleTree(KEY)
  const empty = tree.bytes
  t.ok(empty < 3 * 1024, `${empty} bytes if empty`)
  tree.sum(20, 2 ** 20 - 1, WORDS)
  tree.sumsBelow(3, 7, WORDS)
  tree.clearPrefix(9, 1)
  t.equal(tree.bytes, empty, 'reading and clearing take none')
  tree.add(0x1234_5678, 0, 0, 0)
  const block = tree.bytes - empty
  t.ok(block < 36 * 1024, `${block} bytes for the first entry`)
  tree.add(0x12ff_ffff, 0, 0, 0)
  t.equal(tree.bytes, empty + block, 'none for another with the same first 8 bits')
  for (let i = 0; i < 256; i++) tree.add(i * 2 ** 24, 0, 0, 0)
  t.equal(tree.bytes, empty + 256 * block)
  t.ok(tree.bytes < 9 * 1024 * 1024, `${tree.bytes} bytes at the most`)
  tree.clearPrefix(1, 1)
  t.equal(tree.bytes, empty + 128 * block)
  tree.clearPrefix(8, 0x12)
  t.equal(tree.bytes, empty + 127 * block)
  tree.clear()
  t.equal(tree.bytes, empty)
  t.equal(sumOf(tree, 0, 0), 0n)
})

t.test('methods refuse prefixes, words and trees that are none', async (t) => {
  const tree = new MerkleTree(KEY)
  const none = undefined as never
  t.throws(() => new MerkleTree(new Uint8Array(15)), RangeError)
  t.throws(() => new MerkleTree(new Uint8Array(17)), RangeError)
  t.throws(() => new MerkleTree(none), TypeError)
  t.throws(() => (MerkleTree as unknown as (key: Uint8Array) => void)(KEY), TypeError)
  for (const bits of [0, 1, 8, 19, 20]) {
    t.doesNotThrow(() => tree.sum(bits, 2 ** bits - 1, WORDS))
    t.throws(() => tree.sum(bits, 2 ** bits, WORDS), RangeError)
    t.throws(() => tree.clearPrefix(bits, 2 ** bits), RangeError)
  }
  t.throws(() => tree.sum(21, 0, WORDS), RangeError)
  t.throws(() => tree.clearPrefix(21, 0), RangeError)
  t.doesNotThrow(() => tree.sumsBelow(16, 65_535, WORDS))
  t.throws(() => tree.sumsBelow(17, 0, WORDS), RangeError)
  t.throws(() => tree.sumsBelow(16, 65_536, WORDS), RangeError)
  t.throws(() => tree.sum(0, 0, WORDS.subarray(0, 1)), RangeError)
  t.throws(() => tree.sumsBelow(0, 0, WORDS.subarray(0, 31)), RangeError)
  t.throws(() => tree.addAll(new Uint32Array(7), 2), RangeError)
  t.throws(() => tree.add(2 ** 32, 0, 0, 0), RangeError)
  t.throws(() => tree.replace(0, 0, 0, 0, 0, -1), RangeError)
  t.equal(sumOf(tree, 0, 0), 0n, 'and nothing was added')
})

t.test('methods and getters refuse an object of the other class', async (t) => {
  const tree = new MerkleTree(KEY)
  const directory = new KeyDirectory()
  /** The getter of `bytes` of one class, called on any object. */
  const bytesBy = (owner: object, self: unknown): unknown =>
    Reflect.get(Object.getPrototypeOf(owner) as object, 'bytes', self)
  t.throws(() => tree.clear.call(directory), TypeError)
  t.throws(() => directory.clear.call(tree), TypeError)
  t.throws(() => bytesBy(tree, directory), TypeError)
  t.throws(() => bytesBy(directory, tree), TypeError)
  t.throws(() => bytesBy(tree, {}), TypeError)
  t.equal(bytesBy(tree, tree), tree.bytes)
})
