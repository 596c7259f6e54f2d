/**
 * The cluster keys in force at this node: how they come from the configuration or the data
 * directory, and who is told when they change.
 *
 *     configured key ── first start ──► first ring ──┐
 *     the issuer's answer, at a joiner ──────────────┴─► file `keys` ─► every start
 *
 * The configured key begins the ring. A directory that has the file takes its keys from there, and
 * compares what is configured with the key that its cluster began with: another key is refused,
 * since it is that of another cluster, or a mistake. So the configured key stays the same for
 * ever, and may be left out once the directory has the file.
 */
import { equalSecrets, joinBytes, utf8Bytes } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import { KeyRing } from '../../dynamo/membership/key-ring.ts'
import type { ClusterKey } from '../../dynamo/version/context-seal.ts'
import { sipHash128Into } from '../../native/digest.ts'
import { KEYS_NAME } from '../../store/files.ts'
import { readKeyRing } from '../../store/keys.ts'
import type { ProofKeys } from '../../wire/handshake-steps.ts'
import type { Directory } from '../../world/disk.ts'

/** What a start found. */
export interface KeptKeys {
  readonly held: HeldKeys
  /** False where the directory has no such file yet. */
  readonly isWritten: boolean
  /** Undefined if the engine uses no disk. */
  readonly directory: Directory | undefined
}

/** Fails with `key-file-wrong` or `data-rotten`; nothing is written. */
export async function readKeptKeys(
  { cluster, clusterKey }: Pick<Config, 'cluster' | 'clusterKey'>,
  directory: Directory | undefined,
): Promise<KeptKeys> {
  const kept = directory === undefined ? undefined : await readKeyRing(directory)
  if (clusterKey === undefined) {
    if (kept !== undefined) return { held: new HeldKeys(kept), isWritten: true, directory }
    throw new OperatingError(
      'data-rotten',
      `the file ${KEYS_NAME} in ${directory?.path ?? 'the data directory'} is missing: copy that` +
        ' of another member, or join anew with an empty directory. Nothing was changed.',
    )
  }
  const digestKey = digestKeyOf({ cluster, clusterKey })
  const held = new HeldKeys(kept ?? KeyRing.first(clusterKey, digestKey))
  if (kept === undefined) return { held, isWritten: false, directory }
  if (equalSecrets(kept.digestKey, digestKey)) return { held, isWritten: true, directory }
  throw new OperatingError(
    'key-file-wrong',
    `the configured cluster key is not the one that the cluster of ${directory?.path} began` +
      ' with: give that one, or leave key-file out, as the directory has the keys (everwrite' +
      ' cluster key rotate makes a new one). Nothing was changed.',
  )
}

/**
 * The key under which replicas digest their objects: the same on all nodes of a cluster, so that
 * equal copies have equal digests, and unknown outside of it. It is made from the first cluster
 * key, and stays when that is dropped.
 */
export function digestKeyOf({
  clusterKey,
  cluster,
}: {
  readonly clusterKey: Uint8Array
  readonly cluster: string
}): Uint8Array {
  const label = joinBytes([utf8Bytes('everwrite object digest\0'), utf8Bytes(cluster)])
  const key = new Uint8Array(16)
  sipHash128Into(clusterKey, label, 0, label.length, key, 0)
  return key
}

export class HeldKeys implements ProofKeys {
  #ring: KeyRing
  readonly #followers: ((keys: readonly ClusterKey[]) => void)[] = []

  constructor(ring: KeyRing) {
    this.#ring = ring
  }

  /** It is durable. */
  get ring(): KeyRing {
    return this.#ring
  }

  /** See `digestKeyOf`. */
  get digestKey(): Uint8Array {
    return this.#ring.digestKey
  }

  /** The one that signs first. */
  get inUse(): readonly ClusterKey[] {
    return this.#ring.inUse
  }

  get offered(): readonly number[] {
    return this.#ring.inUse.map(({ id }) => id)
  }

  keyOf(id: number): Uint8Array | undefined {
    return this.#ring.find(id)?.key
  }

  /** Calls `use` with the keys, as `inUse` has them, whenever they change. */
  follow(use: (keys: readonly ClusterKey[]) => void): void {
    this.#followers.push(use)
  }

  /** From now on these are in force. Requires: they are durable. */
  use(ring: KeyRing): void {
    this.#ring = ring
    for (const use of this.#followers) use(ring.inUse)
  }
}
