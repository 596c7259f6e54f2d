/** Comparisons of hash trees, between members, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { readU32, writeU32 } from '../base/bytes.ts'
import { u64 } from '../base/u64.ts'
import { TREE_LEAF_BITS, type Branch, type BranchSum } from '../dynamo/repair/branches.ts'
import { REPLICAS_MAX, TREE_KEYS_MAX, TREE_LEAVES_MAX, TREE_BRANCHES_MAX } from '../limits.ts'
import { checkBucketId, checkDeadline, checkName, garbled } from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { bucketIdMessage, bucketIdOf } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import type { PeerLeaves, PeerLeavesReply, PeerTree, PeerTreeReply } from './message/peer.ts'

const BRANCH_BYTES = 4
const SUM_BYTES = 12

const peerTree: CallConverter<'peerTree'> = {
  request: {
    encode(asked: PeerTree, writer: Writer): void {
      checkTree(asked)
      const { ring, n, leafBits, bits, sums, deadlineMs } = asked
      pb.PeerTree.encode(
        { ring, n, leafBits, bits, branches: bytesOfSums(sums), deadlineMs },
        writer,
      )
    },
    decode(reader: Reader): PeerTree {
      const { ring, n, leafBits, bits, branches, deadlineMs } = pb.PeerTree.decode(reader)
      const sums = sumsOf(plain(branches))
      const asked = { ring: wideOf(ring), n, leafBits, bits, sums, deadlineMs } as PeerTree
      checkTree(asked)
      return asked
    },
  },
  reply: {
    encode({ differing }: PeerTreeReply, writer: Writer): void {
      pb.PeerTreeReply.encode({ differing: bytesOfBranches(differing) }, writer)
    },
    decode(reader: Reader): PeerTreeReply {
      const differing = branchesOf(plain(pb.PeerTreeReply.decode(reader).differing))
      checkCount('branches', differing.length, TREE_BRANCHES_MAX)
      return { differing }
    },
  },
}

/** What a tree of another depth has is for the listener to say: here it need only be a tree. */
function checkTree({ n, leafBits, bits, sums, deadlineMs }: PeerTree): void {
  checkReplicas(n)
  checkDeadline(deadlineMs)
  checkCount('branches', sums.length, TREE_BRANCHES_MAX)
  if (bits > leafBits) throw garbled(`branches of ${bits} bits are below leaves of ${leafBits}`)
  if (leafBits === TREE_LEAF_BITS) for (const { branch } of sums) checkBranch(branch, bits)
}

const peerLeaves: CallConverter<'peerLeaves'> = {
  request: {
    encode(asked: PeerLeaves, writer: Writer): void {
      checkLeaves(asked)
      const { leaves, from, ...rest } = asked
      const message = { ...rest, leaves: bytesOfBranches(leaves), from: from ?? null }
      pb.PeerLeaves.encode(message, writer)
    },
    decode(reader: Reader): PeerLeaves {
      const { ring, n, leafBits, leaves, from, deadlineMs } = pb.PeerLeaves.decode(reader)
      const asked = {
        ring: wideOf(ring),
        n,
        leafBits,
        leaves: branchesOf(plain(leaves)),
        from: from === null || from === undefined ? undefined : wideOf(from),
        deadlineMs,
      } as PeerLeaves
      checkLeaves(asked)
      return asked
    },
  },
  reply: {
    encode({ entries, next }: PeerLeavesReply, writer: Writer): void {
      const messages = entries.map(({ token, name, bucketId, digest }) => {
        return { token, ...name, bucketId: bucketIdMessage(bucketId), digest }
      })
      pb.PeerLeavesReply.encode({ entries: messages, next: next ?? null }, writer)
    },
    decode(reader: Reader): PeerLeavesReply {
      const { entries, next } = pb.PeerLeavesReply.decode(reader)
      checkCount('keys', entries?.length, TREE_KEYS_MAX)
      return {
        entries: (entries ?? []).map(entryOf),
        next: next === null || next === undefined ? undefined : wideOf(next),
      }
    },
  },
}

function entryOf(message: pb.PeerLeafEntry.$Properties): PeerLeavesReply['entries'][number] {
  const name = { bucket: plain(message.bucket), key: plain(message.key) }
  const bucketId = bucketIdOf(message.bucketId)
  checkName(name)
  checkBucketId(bucketId)
  return { token: wideOf(message.token), name, bucketId, digest: wideOf(message.digest) }
}

function checkLeaves({ n, leafBits, leaves, deadlineMs }: PeerLeaves): void {
  checkReplicas(n)
  checkDeadline(deadlineMs)
  checkCount('leaves', leaves.length, TREE_LEAVES_MAX)
  if (leafBits === TREE_LEAF_BITS) for (const leaf of leaves) checkBranch(leaf, leafBits)
  for (const [i, leaf] of leaves.entries()) {
    if (i > 0 && leaf <= (leaves[i - 1] as number)) throw garbled('leaves come in another order')
  }
}

function checkReplicas(n: number): void {
  if (n < 1 || n > REPLICAS_MAX) throw garbled(`no bucket has ${n} replicas`)
}

function checkBranch(branch: Branch, bits: number): void {
  if (branch >= 2 ** bits) throw garbled(`no branch of ${bits} bits is ${branch}`)
}

function checkCount(what: string, count = 0, max: number): void {
  if (count > max) throw garbled(`the message lists ${count} ${what}, more than ${max}`)
}

function bytesOfSums(sums: readonly BranchSum[]): Uint8Array {
  const bytes = new Uint8Array(SUM_BYTES * sums.length)
  for (const [i, { branch, sum }] of sums.entries()) {
    writeU32(bytes, SUM_BYTES * i, branch)
    writeU32(bytes, SUM_BYTES * i + 4, sum.hi)
    writeU32(bytes, SUM_BYTES * i + 8, sum.lo)
  }
  return bytes
}

function sumsOf(bytes: Uint8Array): readonly BranchSum[] {
  if (bytes.length % SUM_BYTES !== 0) throw garbled('the branches are cut')
  return Array.from({ length: bytes.length / SUM_BYTES }, (_, i) => ({
    branch: readU32(bytes, SUM_BYTES * i),
    sum: u64(readU32(bytes, SUM_BYTES * i + 4), readU32(bytes, SUM_BYTES * i + 8)),
  }))
}

function bytesOfBranches(branches: readonly Branch[]): Uint8Array {
  const bytes = new Uint8Array(BRANCH_BYTES * branches.length)
  for (const [i, branch] of branches.entries()) writeU32(bytes, BRANCH_BYTES * i, branch)
  return bytes
}

function branchesOf(bytes: Uint8Array): readonly Branch[] {
  if (bytes.length % BRANCH_BYTES !== 0) throw garbled('the branches are cut')
  return Array.from({ length: bytes.length / BRANCH_BYTES }, (_, i) =>
    readU32(bytes, BRANCH_BYTES * i),
  )
}

export const TREE_CONVERTERS: {
  readonly [K in 'peerTree' | 'peerLeaves']: CallConverter<K>
} = { peerTree, peerLeaves }
