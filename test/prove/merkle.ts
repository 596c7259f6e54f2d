/**
 * Proof: a node can build its Merkle tree anew at each start. A million entries are added natively,
 * in TypeScript, and to a tree of `createHash` digests.
 *
 * The three run in turn, three rounds, and the median of each counts. The sums of the first two
 * must be equal in every place.
 */
import {
  MERKLE_CHILDREN,
  MERKLE_ENTRY_WORDS,
  MERKLE_LEAF_BITS,
  MerkleTree,
} from '../../src/native/merkle.ts'
import { median } from '../support/median.ts'
import { runTimeNs } from '../support/run-time.ts'
import { eachBranch, PlainMerkleTree, rootOfDigests } from '../unit/native/merkle-rivals.ts'
import { Random } from '../unit/native/rivals.ts'
import type { Proof, Verdict } from './proof.ts'

const ENTRIES = 2 ** MERKLE_LEAF_BITS
const ROUNDS = 3
const PLAIN_BAR = 5
const DIGESTS_BAR = 20

/** Throws unless all sums of both are equal. */
function checkSame(ours: MerkleTree, rival: PlainMerkleTree): void {
  const sums = new Uint32Array(2 * MERKLE_CHILDREN)
  const others = new Uint32Array(2 * MERKLE_CHILDREN)
  eachBranch((bits, prefix) => {
    ours.sumsBelow(bits, prefix, sums)
    rival.sumsBelow(bits, prefix, others)
    if (sums.every((word, i) => word === others[i])) return
    throw new Error(`sums below the ${bits} bits of ${prefix} differ`)
  })
}

function milliseconds(ns: number): string {
  return ns < 5e9 ? `${(ns / 1e6).toFixed(0)} ms` : `${(ns / 1e9).toFixed(1)} s`
}

async function run(): Promise<Verdict> {
  const chance = new Random(20)
  const key = chance.bytes(16)
  const words = Uint32Array.from({ length: ENTRIES * MERKLE_ENTRY_WORDS }, () => chance.word())
  const [oursNs, plainNs, digestsNs] = [[], [], []] as [number[], number[], number[]]
  const root = rootOfDigests(words, ENTRIES)
  for (let round = 0; round < ROUNDS; round++) {
    const ours = new MerkleTree(key)
    oursNs.push(runTimeNs(() => ours.addAll(words, ENTRIES)))
    const plain = new PlainMerkleTree(key)
    plainNs.push(runTimeNs(() => plain.addAll(words, ENTRIES)))
    checkSame(ours, plain)
    let again = root
    digestsNs.push(runTimeNs(() => (again = rootOfDigests(words, ENTRIES))))
    if (!again.equals(root)) throw new Error('one tree of digests has two roots')
    const times = [oursNs, plainNs, digestsNs].map((each) => milliseconds(each[round] ?? 0))
    console.log(`round ${round + 1}: ${times[0]}, TypeScript ${times[1]}, createHash ${times[2]}`)
  }
  const [ours, plain, digests] = [median(oursNs), median(plainNs), median(digestsNs)]
  return {
    isMet: plain / ours >= PLAIN_BAR && digests / ours >= DIGESTS_BAR,
    figure:
      `${ENTRIES} entries in ${milliseconds(ours)}; ` +
      `${(plain / ours).toFixed(1)} times as fast as in TypeScript, ${milliseconds(plain)} ` +
      `(bar ${PLAIN_BAR}), ${(digests / ours).toFixed(0)} times as one of createHash digests, ` +
      `${milliseconds(digests)} (bar ${DIGESTS_BAR})`,
  }
}

export const proof: Proof = {
  name: 'merkle',
  shows: 'a Merkle tree of a million entries is built many times as fast as without the addon',
  run,
}
