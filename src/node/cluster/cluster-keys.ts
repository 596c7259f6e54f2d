/**
 * Carries the ring of cluster keys (`dynamo/membership/key-ring.ts`) between members: a new key is
 * spread, written down by each, and signs once all have told that they have it.
 *
 *     operator ─► new key ─► file ─► told to all members ─► each: file ─► tells that it has it
 *     all have told ─► this node's file says that it signs ─► it signs here, and others follow
 *
 * Members that connect compare digests of their rings; one that lacks something is sent the other's
 * ring, sealed under the key that the handshake has proved. While a key waits for members, those
 * that are connected are asked each second: they may have come to know a member meanwhile.
 *
 * A member that signs with a key vouches for it: whoever hears of that, and has the key, signs with
 * it too. So members that are not connected with each other end with one key as well.
 *
 * Invariants:
 *   - Nothing is used or told before it is durable here.
 *   - A key goes out on proved connections between members alone, and sealed.
 */
import { equalSecrets, readU32 } from '../../base/bytes.ts'
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { equalU64, type U64 } from '../../base/u64.ts'
import {
  compareKeys,
  keyLabel,
  type KeyRing,
  keyRingBytes,
  keyRingOfBytes,
} from '../../dynamo/membership/key-ring.ts'
import { KeyStandings, membersMark } from '../../dynamo/membership/key-standings.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { FIRST_KEY_ID } from '../../dynamo/version/context-seal.ts'
import { CLUSTER_KEYS_MAX } from '../../limits.ts'
import { writeKeyRing } from '../../store/keys.ts'
import type { KeySeal } from '../../wire/key-seal.ts'
import type { PeerKeys } from '../../wire/message/keys.ts'
import { NONCE_BYTES } from '../../wire/proof.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import { KeptFile } from '../replica/kept-file.ts'
import type { KeptKeys } from './held-keys.ts'
import type { Membership } from './membership.ts'
import type { PeerCalls } from './peer-calls.ts'

/** Members that are behind, or for which a key waits, are asked so often. */
const AGAIN_MS = 1_000
const KEY_BYTES = 16

export interface ClusterKeysOptions {
  readonly keys: KeptKeys
  readonly topology: { readonly self: { readonly id: NodeId } }
  readonly membership: Pick<Membership, 'present'>
  readonly peers: Pick<PeerCalls, 'tellKeys' | 'connected' | 'isConnected'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly trace: Trace
}

/** One member, and what it was told. */
interface Telling {
  isUnderWay: boolean
  /** There is more to tell than what is under way. */
  isBehind: boolean
}

/** What another member has told, as far as an operator is concerned. */
export interface KeyMemberStanding {
  readonly member: NodeId
  readonly isWaitedFor: boolean
  /** The id of the key that signs there; 0: it has not told. */
  readonly signer: number
}

export class ClusterKeys {
  readonly #node: ClusterKeysOptions
  readonly #standings = new KeyStandings()
  readonly #told = new Map<NodeId, Telling>()
  readonly #file: KeptFile
  /** What is in force, and what is to be. */
  #next: KeyRing
  #timer: Timer | undefined
  #isRunning = false
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined

  constructor(options: ClusterKeysOptions) {
    const { keys, clock } = options
    this.#node = options
    this.#next = keys.held.ring
    this.#file = new KeptFile({
      clock,
      write: () => this.#write(),
      of: 'the cluster keys',
      onFailed: (reason) => this.onFailed(reason),
    })
  }

  /** That in force. */
  get ring(): KeyRing {
    return this.#node.keys.held.ring
  }

  begin(): void {
    this.#isRunning = true
    const keys = this.ring.keys.map(keyLabel).join(' ')
    this.#node.trace.record('keys-held', { keys })
    if (!this.#node.keys.isWritten) void this.#file.save()
    this.#judge()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#timer?.cancel()
    await this.#file.close()
  }

  /** Its disk may have been lost since it told its keys: it is asked. */
  onConnected(member: NodeId): void {
    this.#standings.forget(member)
    this.#tell(member)
  }

  /** What every other member has told. */
  get standings(): readonly KeyMemberStanding[] {
    const waitedFor = new Set(this.#waited)
    return this.#others.map((member) => ({
      member,
      isWaitedFor: waitedFor.has(member),
      signer: this.#standings.of(member)?.signer ?? 0,
    }))
  }

  /**
   * Makes a key, unless `newest` is not the newest one here: an operator who asks twice makes one.
   * Resolves once it is durable here. Fails with `keys-full` or `node-stopping`.
   */
  async rotate(newest: number): Promise<void> {
    const { entropy, trace } = this.#node
    const ring = this.#next
    if (ring.newest.id !== newest) return
    if (ring.isFull) throw keysFull(ring)
    let id = 0
    while (id <= FIRST_KEY_ID || ring.find(id) !== undefined) id = readU32(entropy.bytes(4), 0)
    this.#next = ring.rotated(id, entropy.bytes(KEY_BYTES))
    trace.record('key-made', { key: keyLabel({ id }) })
    await this.#save()
  }

  /**
   * Drops the oldest key, which then verifies nowhere. Resolves once that is durable here. Fails
   * with `key-unknown`, `key-in-use` or `node-stopping`; `nameOf` is for its sentence.
   */
  async drop(id: number, nameOf: (member: NodeId) => string): Promise<void> {
    const ring = this.#next
    // Its answer was lost: it is asked again.
    if (ring.find(id) === undefined && ring.dropped.id === id) return
    this.#checkDroppable(ring, id, nameOf)
    this.#next = ring.withoutOldest()
    await this.#save()
  }

  #checkDroppable(ring: KeyRing, id: number, nameOf: (member: NodeId) => string): void {
    const key = ring.find(id)
    const label = keyLabel({ id })
    if (key === undefined) {
      const known = ring.keys.map(keyLabel).join(', ')
      throw new OperatingError('key-unknown', `no cluster key is ${label}: the keys are ${known}`)
    }
    if (key === ring.signer) {
      throw inUse(`${label} signs: make another key first (everwrite cluster key rotate)`)
    }
    if (compareKeys(key, ring.signer) > 0) {
      throw inUse(`${label} is to sign once all members have it: it cannot be dropped before`)
    }
    if (key !== ring.oldest) {
      throw inUse(`keys older than ${label} verify too: drop ${keyLabel(ring.oldest)} first`)
    }
    const { peers } = this.#node
    const away = this.#others.filter((member) => !peers.isConnected(member))
    const signing = this.#standings.signing(key, ring, this.#others)
    const unsure = [...new Set([...away, ...signing])]
    if (unsure.length === 0) return
    const names = unsure.slice(0, NAMES_MAX).map(nameOf).join(', ')
    const more = unsure.length > NAMES_MAX ? ` and ${unsure.length - NAMES_MAX} more` : ''
    throw inUse(
      `${names}${more} may still sign with ${label}, or cannot be asked: drop it when they are` +
        ' connected and sign with a newer key (everwrite cluster key status), or remove them',
    )
  }

  /**
   * What another member has written down, and its ring, if that comes along. Returns the same of
   * this one. Throws `message-garbled`.
   */
  hear(from: NodeId, told: PeerKeys, seal: KeySeal): PeerKeys {
    if (this.#isRunning) this.#take(from, told, seal)
    const { digest } = told
    const isKnownThere = equalU64(digest, this.ring.digest) || equalU64(digest, this.#next.digest)
    return this.#message(isKnownThere ? undefined : seal)
  }

  #take(from: NodeId, told: PeerKeys, seal: KeySeal): void {
    this.#standings.hear(from, told)
    if (told.ring !== undefined) this.#merge(ringIn(told, seal, this.ring))
    this.#judge()
  }

  #merge(theirs: KeyRing): void {
    const merged = this.#next.merge(theirs)
    if (merged.isSame(this.#next)) return
    this.#next = merged
    void this.#file.save()
  }

  /** All that are not gone, this one among them. */
  get #members(): readonly NodeId[] {
    return this.#node.membership.present.map(({ id }) => id)
  }

  get #others(): readonly NodeId[] {
    const { self } = this.#node.topology
    return this.#members.filter((id) => id !== self.id)
  }

  get #mark(): U64 {
    return membersMark(this.#members)
  }

  /** What is durable here; `seal`: all of it. */
  #message(seal: KeySeal | undefined): PeerKeys {
    const { ring } = this
    return {
      has: ring.keys.map(({ id }) => id),
      signer: ring.signer.id,
      digest: ring.digest,
      members: this.#mark,
      ring: seal?.seal(keyRingBytes(ring), this.#node.entropy.bytes(NONCE_BYTES)),
    }
  }

  async #save(): Promise<void> {
    if (this.#isRunning && (await this.#file.save())) return
    throw new OperatingError('node-stopping', 'this node is stopping; ask another')
  }

  async #write(): Promise<void> {
    const { held, directory } = this.#node.keys
    const [before, next] = [held.ring, this.#next]
    if (directory !== undefined) await writeKeyRing(directory, next)
    held.use(next)
    this.#record(before, next)
    if (!this.#isRunning) return
    for (const member of this.#node.peers.connected) this.#tell(member)
    this.#judge()
  }

  #record(before: KeyRing, ring: KeyRing): void {
    const { trace } = this.#node
    for (const key of ring.keys) {
      if (before.find(key.id) === undefined) trace.record('key-kept', { key: keyLabel(key) })
    }
    if (ring.signer.id !== before.signer.id) {
      trace.record('key-signs', { key: keyLabel(ring.signer) })
    }
    for (const key of before.keys) {
      if (ring.find(key.id) === undefined) trace.record('key-dropped', { key: keyLabel(key) })
    }
  }

  /** Lets the newest key sign that all have, and asks those that it waits for again later. */
  #judge(): void {
    if (!this.#isRunning) return
    const others = new Set(this.#others)
    this.#standings.keep(this.#others)
    for (const id of this.#told.keys()) if (!others.has(id)) this.#told.delete(id)
    const signer = this.#standings.signerOf(this.ring, this.#others, this.#mark)
    const next = this.#next.signedBy(signer)
    if (next !== this.#next) {
      this.#next = next
      void this.#file.save()
    }
    if (this.#isPending || this.#behind.length > 0) this.#askLater()
  }

  #askLater(): void {
    this.#timer ??= this.#node.clock.after(AGAIN_MS, () => {
      this.#timer = undefined
      for (const member of new Set([...this.#waited, ...this.#behind])) this.#tell(member)
      this.#judge()
    })
  }

  /** The newest key does not sign yet. */
  get #isPending(): boolean {
    return this.ring.newest !== this.ring.signer
  }

  /** Members that the newest key waits for. */
  get #waited(): readonly NodeId[] {
    if (!this.#isPending) return []
    return this.#standings.waitedFor(this.ring.newest, this.#others, this.#mark)
  }

  /** Members that are connected, and are not known to have the same ring. */
  get #behind(): readonly NodeId[] {
    return this.#node.peers.connected.filter((id) => !this.#isEven(id))
  }

  #isEven(member: NodeId): boolean {
    const told = this.#standings.of(member)
    return told !== undefined && equalU64(told.digest, this.ring.digest)
  }

  /** One that told another ring gets this one along. */
  #tell(member: NodeId): void {
    const { peers } = this.#node
    if (!this.#isRunning || !peers.isConnected(member)) return
    const telling = this.#told.get(member) ?? { isUnderWay: false, isBehind: false }
    this.#told.set(member, telling)
    if (telling.isUnderWay) {
      telling.isBehind = true
      return
    }
    telling.isUnderWay = true
    telling.isBehind = false
    const withRing = this.#standings.of(member) !== undefined && !this.#isEven(member)
    const make = (seal: KeySeal): PeerKeys => this.#message(withRing ? seal : undefined)
    peers.tellKeys(member, make, (answer, seal) => {
      telling.isUnderWay = false
      if (!this.#isRunning) return
      if (isFailure(answer) || seal === undefined) return this.#askLater()
      if (!this.#hearAnswer(member, answer, seal)) return this.#askLater()
      if (telling.isBehind || (!withRing && !this.#isEven(member))) this.#tell(member)
    })
  }

  #hearAnswer(member: NodeId, answer: PeerKeys, seal: KeySeal): boolean {
    try {
      this.#take(member, answer, seal)
      return true
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error
      return false
    }
  }
}

/** Sentences are short. */
const NAMES_MAX = 16

/** Throws `message-garbled`. */
function ringIn({ ring: sealed }: PeerKeys, seal: KeySeal, own: KeyRing): KeyRing {
  const bytes = sealed === undefined ? undefined : seal.open(sealed)
  const ring = bytes === undefined ? undefined : keyRingOfBytes(bytes)
  if (ring !== undefined && equalSecrets(ring.digestKey, own.digestKey)) return ring
  throw new OperatingError('message-garbled', 'the cluster keys are not sealed as they should be')
}

function inUse(sentence: string): OperatingError {
  return new OperatingError('key-in-use', sentence)
}

function keysFull({ oldest }: KeyRing): OperatingError {
  const limit = { name: 'CLUSTER_KEYS_MAX', value: CLUSTER_KEYS_MAX }
  return new OperatingError(
    'keys-full',
    `a cluster has at most ${CLUSTER_KEYS_MAX} keys: drop the oldest, ${keyLabel(oldest)}, first` +
      ' (everwrite cluster key drop)',
    { details: { limit } },
  )
}
