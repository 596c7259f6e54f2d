/**
 * The hash trees over this member's own copies, kept in step with them (Dynamo 4.7).
 *
 * There is one tree for each N, since buckets of one N have the same owners everywhere; it has the
 * sums of all partitions. Every append adds its digest and takes the one before away, so a tree is
 * of the copies as reads see them, also those that are not durable yet.
 *
 * A start reads the digests of all copies, a page at a time in token order, while writes go on:
 * what changes at a token that is read already changes the tree; what changes while its page is
 * being read is taken from the change. A leaf whose sum is in doubt, since a copy had rotted or an
 * exchange found nothing to repair, is read again in the same way. Where the engine has told the
 * digests as it opened (`found-digests.ts`), a start reads the leaves alone that it put in doubt.
 * Until then those sums may be the sums of an owner that has missed what the log's tail has.
 *
 * Invariant: once `isBuilt`, each sum is that of the digests of the copies that can be read.
 */
import { assert } from '../../base/assert.ts'
import { compareU64, nextU64, type U64, u64 } from '../../base/u64.ts'
import { type CopyId, isOwn, OWN } from '../../dynamo/names.ts'
import {
  firstTokenOfLeaf,
  lastTokenOfLeaf,
  leafOf,
  TREE_LEAF_BITS,
  type Branch,
} from '../../dynamo/repair/branches.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../dynamo/ring/partition.ts'
import { SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Digest, Token } from '../../native/digest.ts'
import { MERKLE_ENTRY_WORDS, MERKLE_LEAF_BITS, type MerkleTree } from '../../native/merkle.ts'
import type { DigestPage, Engine } from '../../store/engine.ts'
import { type FoundDigests, treeOf } from './found-digests.ts'
import { mapKeyOf } from './key-steps.ts'
import { besideRot } from './rot.ts'

type Changed = Pick<CopyId, 'token'> & { readonly n: number; readonly digest: Digest | undefined }

/** Copies that are being read, from a token on, and what changed meanwhile. */
interface Reading {
  readonly from: Token
  readonly changed: Map<string, Changed>
}

/** Leaves that wait to be read again; more are dropped: the next exchange finds them. */
const DOUBTED_MAX = 4096

export class Trees {
  readonly #engine: Engine
  readonly #key: Uint8Array
  readonly #trees: Map<number, MerkleTree>
  /** Leaves of trees that the engine told of, to be read before anything counts as built. */
  readonly #unread: Set<Branch>
  readonly #sum = new Uint32Array(2)
  #reading: Reading | undefined
  /** The first token that is not read yet; undefined: all are. */
  #next: Token | undefined = FIRST_TOKEN
  readonly #doubted = new Set<Branch>()
  /** Building, then corrections, one after another. */
  #work: Promise<void> = Promise.resolve()
  #isStopped = false
  /** How often copies were dropped together: a page that was asked for before may have them. */
  #drops = 0
  /** Leaves that were read again. */
  corrections = 0

  /** `key`: 16 bytes, the cluster's; `found`: by the engine, now. */
  constructor(engine: Engine, key: Uint8Array, found?: FoundDigests) {
    assert(MERKLE_LEAF_BITS === TREE_LEAF_BITS, 'leaves are the same in C++ and on the wire')
    this.#engine = engine
    this.#key = key
    const taken = found?.take(DOUBTED_MAX)
    this.#trees = taken?.trees ?? new Map()
    this.#unread = taken?.doubted ?? new Set()
    if (taken !== undefined) this.#next = undefined
  }

  get isBuilt(): boolean {
    return this.#next === undefined && this.#unread.size === 0
  }

  /** The N of buckets that have, or had, copies here. */
  get ns(): readonly number[] {
    return [...this.#trees.keys()]
  }

  /** Memory of all trees, in bytes. */
  get bytes(): number {
    let bytes = 0
    for (const tree of this.#trees.values()) bytes += tree.bytes
    return bytes
  }

  /** Reads all copies, and rests after each page. Rejects as the engine does. */
  build(rest: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const built = this.#work.then(() => this.#build(rest))
    this.#work = built.catch(() => undefined)
    return built
  }

  stop(): void {
    this.#isStopped = true
  }

  /** All copies were dropped at once. */
  clear(): void {
    this.#drops += 1
    for (const tree of this.#trees.values()) tree.clear()
  }

  /** The copies below a branch were dropped at once. */
  clearBranch(bits: number, branch: Branch): void {
    this.#drops += 1
    for (const tree of this.#trees.values()) tree.clearPrefix(bits, branch)
  }

  /** All copies are read, and none is being read again. */
  get isQuiet(): boolean {
    return this.isBuilt && this.#reading === undefined
  }

  /**
   * Copies of buckets with this N were appended where there were none: the first `count` entries of
   * `words`, MERKLE_ENTRY_WORDS each. Requires: `isQuiet`.
   */
  onAppended(n: number, words: Uint32Array, count: number): void {
    assert(this.isQuiet, 'copies that are being read are noticed one by one')
    this.#treeOf(n).addAll(words, count)
  }

  /** The sum of all copies of buckets with this N below a branch of so many bits. */
  sum(n: number, bits: number, branch: Branch): U64 {
    this.#treeOf(n).sum(bits, branch, this.#sum)
    return u64(this.#sum[0] as number, this.#sum[1] as number)
  }

  /** A copy was appended, or erased where there is no digest `after`. */
  onReplaced(copy: CopyId, before: Digest | undefined, after: Digest | undefined): void {
    if (!isOwn(copy)) return
    this.#notice(copy, after)
    if (this.#next !== undefined && compareU64(copy.token, this.#next) >= 0) return
    const { token } = copy
    const tree = this.#treeOf(copy.bucketId.n)
    if (before !== undefined && after !== undefined) {
      tree.replace(token.hi, token.lo, before.hi, before.lo, after.hi, after.lo)
    } else if (after !== undefined) tree.add(token.hi, token.lo, after.hi, after.lo)
    else if (before !== undefined) tree.remove(token.hi, token.lo, before.hi, before.lo)
  }

  /** As `onReplaced`, of a copy that had rotted: its digest is not known. */
  onMended(copy: CopyId, after: Digest | undefined): void {
    if (!isOwn(copy)) return
    this.#notice(copy, after)
    this.correct(leafOf(copy.token))
  }

  #notice({ token, ...copy }: CopyId, digest: Digest | undefined): void {
    if (this.#reading === undefined || compareU64(token, this.#reading.from) < 0) return
    const changed = { token, n: copy.bucketId.n, digest }
    this.#reading.changed.set(mapKeyOf({ token, ...copy }), changed)
  }

  /** Reads a leaf again, soon. */
  correct(leaf: Branch): void {
    if (this.#doubted.has(leaf) || this.#doubted.size >= DOUBTED_MAX) return
    this.#doubted.add(leaf)
    this.#work = this.#work.then(() => this.#correct(leaf))
  }

  #treeOf(n: number): MerkleTree {
    return treeOf(this.#trees, n, this.#key)
  }

  async #build(rest: () => Promise<void>): Promise<void> {
    while (this.#next !== undefined && !this.#isStopped) {
      const [reading, drops] = [this.#begin(this.#next), this.#drops]
      const { entries, next } = await this.#pageOf(this.#next, LAST_TOKEN)
      if (drops !== this.#drops) continue
      this.#add(entries, reading, next)
      this.#next = next
      if (next !== undefined) await rest()
    }
    this.#reading = undefined
    for (const leaf of this.#unread) {
      if (!(await this.#read(leaf))) return
      this.#unread.delete(leaf)
      await rest()
    }
  }

  async #correct(leaf: Branch): Promise<void> {
    this.#doubted.delete(leaf)
    if (this.#isStopped) return
    // It is too early: `build` reads it.
    if (!this.isBuilt) {
      this.#unread.add(leaf)
      return
    }
    // An engine that fails is closing, or its disk has failed: this tree has no further use.
    if (await this.#read(leaf).catch(() => false)) this.corrections += 1
  }

  /** False where it was stopped. Rejects as the engine does. */
  async #read(leaf: Branch): Promise<boolean> {
    const last = lastTokenOfLeaf(leaf)
    let [reading, drops] = [this.#begin(firstTokenOfLeaf(leaf)), this.#drops]
    let entries: DigestPage['entries'][number][] = []
    let next: Token | undefined = reading.from
    while (next !== undefined) {
      if (this.#isStopped) return false
      const page: DigestPage = await this.#pageOf(next, last)
      entries.push(...page.entries)
      next = page.next
      if (drops === this.#drops) continue
      // Begin again.
      ;[reading, drops] = [this.#begin(firstTokenOfLeaf(leaf)), this.#drops]
      ;[entries, next] = [[], reading.from]
    }
    for (const tree of this.#trees.values()) tree.clearPrefix(TREE_LEAF_BITS, leaf)
    this.#add(entries, reading, nextU64(last))
    this.#reading = undefined
    return true
  }

  #begin(from: Token): Reading {
    this.#reading = { from, changed: new Map() }
    return this.#reading
  }

  /** A token whose copies have rotted is passed over: none of them can be read. */
  #pageOf(from: Token, to: Token): Promise<DigestPage> {
    const bounds = { keysMax: SCAN_PAGE_KEYS_MAX, bytesMax: SCAN_PAGE_BYTES_MAX }
    const query = { place: OWN, from, to, ...bounds }
    return besideRot(query, (one) => this.#engine.digests(one))
  }

  /** Adds what was read before the token `end`, as it is by now. */
  #add(entries: DigestPage['entries'], { from, changed }: Reading, end: Token | undefined): void {
    const words = new Map<number, number[]>()
    const add = (n: number, token: Token, digest: Digest): void => {
      let list = words.get(n)
      if (list === undefined) words.set(n, (list = []))
      list.push(token.hi, token.lo, digest.hi, digest.lo)
    }
    for (const copy of entries) {
      if (!changed.has(mapKeyOf(copy))) add(copy.bucketId.n, copy.token, copy.digest)
    }
    for (const { token, n, digest } of changed.values()) {
      const isBefore = end === undefined || compareU64(token, end) < 0
      if (digest !== undefined && isBefore && compareU64(token, from) >= 0) add(n, token, digest)
    }
    for (const [n, list] of words) {
      this.#treeOf(n).addAll(Uint32Array.from(list), list.length / MERKLE_ENTRY_WORDS)
    }
  }
}
