/**
 * Creates buckets at run time, shows them under other names, and lists those that there are.
 *
 * A bucket needs no creation: it is there with its first key, and has the quorums of the cluster.
 * One that is created has its own N, R and W, for ever, and an id: a context of an older bucket of
 * the same name is refused by it.
 */
import { hexOf, utf8BytesExact } from '../base/bytes.ts'
import { exactName } from '../dynamo/buckets/bucket-names.ts'
import { Durability } from '../dynamo/buckets/bucket-record.ts'
import { type CreationId, ID_BYTES, NEVER_CREATED, Policy } from '../dynamo/names.ts'
import type { BucketReply } from '../wire/message/bucket.ts'
import type { Topology, TopologyBucket } from '../wire/message/client.ts'
import type { Core } from './bucket.ts'
import { type Check, type Checks, COUNT, optionsCheck, TEXT } from './check-options.ts'
import type { MemberLabel } from './explanation.ts'
import { unsent } from './failure.ts'
import { linkAt } from './operator.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import { memberOf } from './ranges.ts'

export type BucketPolicy = 'siblings' | 'last-write-wins'
export type BucketDurability = keyof typeof Durability

export interface CreateBucketOptions extends CallOptions {
  /** Copies of each key, 1 to 7; by default as the cluster has for buckets that are not created. */
  readonly n?: number | undefined
  /** Copies that a get compares; by default a majority of N. */
  readonly r?: number | undefined
  /** Machines that hold a put before it is acknowledged; by default a majority of N. */
  readonly w?: number | undefined
  /** The deadline of a request that names none, in milliseconds; by default the node's own. */
  readonly deadlineMs?: number | undefined
  /**
   * How writes that do not know of each other are kept: all, as siblings, by default; or the one
   * with the latest time alone, by the clocks of the nodes that took them.
   */
  readonly policy?: BucketPolicy | undefined
  /**
   * When a put counts at a machine: once it is durable there, `always`, by default; or once it is
   * appended, `interval`. Such a put takes no time of a disk, and may be lost where W of its
   * nodes end before their next sync, which begins at once.
   */
  readonly durability?: BucketDurability | undefined
  /** 16 hexadecimal digits: the same for each attempt of one creation; drawn by default. */
  readonly id?: string | undefined
  /** The address of a seed or a member, for clients: the node to ask. By default any. */
  readonly at?: string | undefined
}

export interface RenameBucketOptions extends CallOptions {
  /** The address of a seed or a member, for clients: the node to ask. By default any. */
  readonly at?: string | undefined
}

/** A bucket as one node knows it. */
export interface BucketInfo {
  /** Under which clients find it; empty: all that are not listed. */
  readonly name: string
  readonly n: number
  readonly r: number
  readonly w: number
  /** Undefined: it was never created. */
  readonly created: CreatedBucket | undefined
}

export interface CreatedBucket {
  /** 16 hexadecimal digits. */
  readonly id: string
  /** Finds this bucket at any node that knows it, whatever it is called, and never another one. */
  readonly exactName: string
  readonly policy: BucketPolicy
  readonly durability: BucketDurability
  /** Undefined: the node's own. */
  readonly deadlineMs: number | undefined
}

/** A bucket that was created or renamed. */
export interface ChangedBucket extends BucketInfo {
  readonly created: CreatedBucket
  /**
   * Members that have not heard of it: they hear when they connect. Until then a client of theirs
   * that puts under the name puts into a bucket that was never created; with `exactName` it is
   * refused instead, and asks another node.
   */
  readonly untold: readonly MemberLabel[]
}

const POLICIES: Readonly<Record<BucketPolicy, Policy>> = {
  siblings: Policy.siblings,
  'last-write-wins': Policy.lastWriteWins,
}
export const BUCKET_POLICIES: readonly BucketPolicy[] = Object.keys(POLICIES) as BucketPolicy[]
export const BUCKET_DURABILITIES: readonly BucketDurability[] = Object.keys(
  Durability,
) as BucketDurability[]

function oneOf(words: readonly string[]): Check {
  return {
    words: words.map((word) => `'${word}'`).join(' or '),
    isRight: (value) => words.some((word) => word === value),
  }
}

const ID: Check = {
  words: 'sixteen hexadecimal digits, not all 0',
  isRight: (value) =>
    typeof value === 'string' && /^[0-9a-f]{16}$/.test(value) && value !== NEVER_CREATED,
}

const CREATE_CHECKS: Checks<CreateBucketOptions> = {
  ...CALL_CHECKS,
  ...{ n: COUNT, r: COUNT, w: COUNT, deadlineMs: COUNT, id: ID, at: TEXT },
  policy: oneOf(BUCKET_POLICIES),
  durability: oneOf(BUCKET_DURABILITIES),
}
const checkCreate = optionsCheck<CreateBucketOptions>('createBucket', CREATE_CHECKS)
const RENAME_CHECKS: Checks<RenameBucketOptions> = { ...CALL_CHECKS, at: TEXT }
const checkRename = optionsCheck<RenameBucketOptions>('renameBucket', RENAME_CHECKS)

export async function askCreate(
  core: Core,
  name: string,
  options: CreateBucketOptions = {},
): Promise<ChangedBucket> {
  checkCreate(options)
  checkText('createBucket', name)
  const { at, signal, timeout, id } = options
  const n = options.n ?? core.pool.routes?.topology.buckets[0]?.n ?? 3
  const majority = Math.floor(n / 2) + 1
  const { r = majority, w = majority, deadlineMs: ownMs = 0 } = options
  const creation = (id ?? drawn(core)) as CreationId
  const policy = POLICIES[options.policy ?? 'siblings']
  const durability = Durability[options.durability ?? 'always']
  const terms = { creation, createdAs: name, policy, n, r, w, durability, deadlineMs: ownMs }
  const only = at === undefined ? undefined : linkAt(core, at)
  const request = (deadlineMs: number) => ({ terms, deadlineMs })
  const plan = { kind: 'bucketCreate', isWrite: false, only, request } as const
  return changedOf(core, await core.calls.run(plan, { signal, timeout }))
}

export async function askRename(
  core: Core,
  bucket: string,
  name: string,
  options: RenameBucketOptions = {},
): Promise<ChangedBucket> {
  checkRename(options)
  checkText('renameBucket', bucket)
  checkText('renameBucket', name)
  const { at, signal, timeout } = options
  const only = at === undefined ? undefined : linkAt(core, at)
  const request = (deadlineMs: number) => ({ from: bucket, to: name, deadlineMs })
  const plan = { kind: 'bucketRename', isWrite: false, only, request } as const
  return changedOf(core, await core.calls.run(plan, { signal, timeout }))
}

/** Those that were created first, then those that a configuration names, then all others. */
export function bucketsOf({ buckets }: Pick<Topology, 'buckets'>): readonly BucketInfo[] {
  const [others, ...named] = buckets.map(infoOf)
  const all = named.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return others === undefined ? all : [...all, others]
}

function infoOf({ name, n, r, w, created }: TopologyBucket): BucketInfo {
  return { name, n, r, w, created: created && createdOf(created) }
}

function createdOf(bucket: BucketReply['bucket']): CreatedBucket {
  const { creation, deadlineMs } = bucket
  const own = deadlineMs === 0 ? undefined : deadlineMs
  const policy = BUCKET_POLICIES.find((one) => POLICIES[one] === bucket.policy) as BucketPolicy
  const durability = BUCKET_DURABILITIES.find(
    (one) => Durability[one] === bucket.durability,
  ) as BucketDurability
  return { id: creation, exactName: exactName(bucket), policy, durability, deadlineMs: own }
}

function changedOf(core: Core, { bucket, shown, untold }: BucketReply): ChangedBucket {
  const { n, r, w } = bucket
  // Routes of before would lead to other owners than the new bucket has.
  core.pool.refresh()
  const members = untold.map((id) => memberOf(core.pool, id))
  return { name: shown, n, r, w, created: createdOf(bucket), untold: members }
}

/** Not zero: that is the id of buckets that were never created. */
function drawn({ random }: Core): string {
  for (;;) {
    // Its first bytes are the time.
    const bytes = random.requestId()
    const id = hexOf(bytes, bytes.length - ID_BYTES)
    if (id !== NEVER_CREATED) return id
  }
}

function checkText(call: string, name: string): void {
  if (typeof name !== 'string') {
    throw unsent('config-wrong', `${call} takes the name of a bucket as a string`)
  }
  if (utf8BytesExact(name) !== undefined) return
  throw unsent('bucket-wrong', 'the name of the bucket has half a character: correct it')
}
