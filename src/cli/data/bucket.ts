/** `everwrite bucket create | list | show | rename`: buckets with an N, R and W of their own. */
import type { Command } from 'commander'
import type { Client } from '../../client/client.ts'
import {
  BUCKET_DURABILITIES,
  BUCKET_POLICIES,
  type BucketInfo,
  type ChangedBucket,
} from '../../client/buckets.ts'
import { OperatingError } from '../../base/errors.ts'
import { DEADLINE_MS_MAX, REPLICAS_MAX } from '../../limits.ts'
import {
  addConnectionOptions,
  bucketOf,
  type ConnectionOptions,
  withClient,
} from '../cluster-options.ts'
import { EXIT_CODES_HELP, misuse, print, tellWarning } from '../outcome.ts'
import { addListing } from './buckets.ts'

interface Options extends ConnectionOptions {
  readonly at?: string
}

interface CreateOptions extends Options {
  readonly n?: string
  readonly r?: string
  readonly w?: string
  readonly deadlineMs?: string
  readonly policy?: string
  readonly durability?: string
}

/** A name that stands for one bucket that was created. */
const EXACT = /#(?!0{16}$)[0-9a-f]{16}$/
/** Members look through their keys for the name, and are told of the bucket. */
const TIMEOUT_MS = 30_000

export function addBucket(program: Command): void {
  const bucket = program.command('bucket').description('create, list, show and rename buckets')
  addAt(bucket.command('create <name>'))
    .option('--n <copies>', "copies of each key; by default the cluster's")
    .option('--r <copies>', 'copies that a get compares; by default a majority of N')
    .option('--w <copies>', 'copies that are there before a put is acknowledged; the same')
    .option('--deadline-ms <ms>', "deadline of a request that names none; by default the node's")
    .option('--policy <policy>', 'of concurrent writes: siblings, last-write-wins', 'siblings')
    .option('--durability <when>', 'a copy counts once it is synced: always, interval', 'always')
    .description('create a bucket with an N, R and W of its own, for ever')
    .addHelpText('after', CREATE_HELP)
    .action(create)
  addListing(bucket.command('list'))
  addConnectionOptions(bucket.command('show <name>'))
    .description('show one bucket, and whether it hides older keys')
    .addHelpText('after', `\nExample:\n  $ everwrite bucket show carts\n${EXIT_CODES_HELP}`)
    .action(show)
  addAt(bucket.command('rename <name> <new>'))
    .description('show a bucket that was created under another name')
    .addHelpText('after', RENAME_HELP)
    .action(rename)
}

const CREATE_HELP = `
Examples:
  $ everwrite bucket create carts --n 5 --r 3 --w 3
  $ everwrite bucket create sessions --n 1 --policy last-write-wins
  $ everwrite bucket create clicks --durability interval

With --policy last-write-wins a key has one value: of writes that did not know of each other, the
one with the latest time, by the clocks of the nodes that took them. The others are lost, and are
counted (losers_total). By default all are kept as siblings, and none is lost.

With --durability interval a copy counts as soon as a node has it in memory, and its log syncs it in
the next group, at once: a put does not wait for a disk, unless a log is behind by more than a
second. It may be lost where W of the nodes that hold it lose power, are killed, or stop with full
or failed disks, before that sync. By default a copy counts once its node has synced it.

No bucket can be deleted. One needs no creation: it is there with its first key, and has the quorums
of the cluster. A name that keys were put under already is refused (bucket-exists). Members that
could not be asked or told are named: clients of theirs use the bucket's exact name, NAME#ID, until
they have heard.
${EXIT_CODES_HELP}`

const RENAME_HELP = `
Examples:
  $ everwrite bucket rename carts baskets
  $ everwrite bucket rename 'carts#00c0ffee00c0ffee' carts-2

No key moves by this. A program that still uses the old name finds an empty bucket of that name,
with the quorums of the cluster. The exact name, NAME#ID, stays: NAME is that of the creation. Where
two buckets were created under one name at the same time, the one with the lower id has it, and the
other is shown by its exact name until it gets another.
${EXIT_CODES_HELP}`

function addAt(command: Command): Command {
  return addConnectionOptions(command, TIMEOUT_MS).option(
    '--at <host:port>',
    'the node to ask; by default any of the cluster',
  )
}

async function create(name: string, options: CreateOptions): Promise<void> {
  const terms = {
    policy: choiceOf('--policy', options.policy, BUCKET_POLICIES),
    durability: choiceOf('--durability', options.durability, BUCKET_DURABILITIES),
    n: countOf('--n', options.n),
    r: countOf('--r', options.r),
    w: countOf('--w', options.w),
    deadlineMs: deadlineOf(options.deadlineMs),
  }
  await change(options, (client) => client.createBucket(name, { ...terms, at: options.at }))
}

async function rename(name: string, to: string, options: Options): Promise<void> {
  await change(options, (client) => client.renameBucket(name, to, { at: options.at }))
}

async function change(
  options: Options,
  work: (client: Client) => Promise<ChangedBucket>,
): Promise<void> {
  const seeds = options.at ?? options.seeds
  await withClient({ ...options, seeds }, async (client) => {
    const changed = await work(client)
    if (options.json === true) await print(`${JSON.stringify(changed)}\n`)
    else await print(`${sentencesOf(changed)}\n`)
    const { untold, created } = changed
    const members = (await client.topology()).members.length
    if (changed.n > members) {
      tellWarning(
        `the cluster has ${members} members: a key has ${members} copies, and not ${changed.n},` +
          ' until others join',
      )
    }
    if (untold.length === 0) return
    const names = untold.map((one) => (one.name === '' ? one.id : one.name)).join(', ')
    tellWarning(
      `${names} could not be asked or told: until they have heard of it, their clients use it as` +
        ` '${created.exactName}'`,
    )
  })
}

async function show(name: string, options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client) => {
    const all = await client.buckets()
    const named = all.find((one) => one.name === name || one.created?.exactName === name)
    if (named === undefined && EXACT.test(name)) {
      const sentence = `no bucket is called ${name}: see everwrite bucket list`
      throw new OperatingError('bucket-unknown', sentence)
    }
    const found = named ?? { ...(all.at(-1) as BucketInfo), name }
    if (options.json === true) await print(`${JSON.stringify(found)}\n`)
    else await print(`${sentencesOf(found)}\n`)
    if (found.created !== undefined) await tellHidden(client, found.created.exactName)
  })
}

/** Keys that were put under the name before all members knew the bucket. */
async function tellHidden(client: Client, exact: string): Promise<void> {
  const older = exact.replace(/[0-9a-f]{16}$/, '0'.repeat(16))
  for await (const _ of (await bucketOf(client, older)).keyBytes()) {
    tellWarning(
      `keys were put under its first name where it was not known yet; they are in '${older}': see` +
        ` everwrite keys '${older}'`,
    )
    return
  }
}

function sentencesOf({ name, n, r, w, created }: BucketInfo): string {
  const quorums = `${name}: N ${n}, R ${r}, W ${w}`
  if (created === undefined) return `${quorums}, siblings; it was never created`
  const { exactName, policy, durability, deadlineMs } = created
  const synced = durability === 'always' ? '' : `, durability ${durability}`
  const deadline = deadlineMs === undefined ? '' : `, deadline ${deadlineMs} ms`
  return `${quorums}, ${policy}${synced}${deadline}; exact name ${exactName}`
}

function choiceOf<T extends string>(
  option: string,
  text: string | undefined,
  choices: readonly T[],
): T {
  const choice = choices.find((one) => one === text)
  if (choice === undefined) throw misuse(`${option} is ${choices.join(' or ')}, not ${text}`)
  return choice
}

function countOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= REPLICAS_MAX) return count
  const sentence = `${option} is a whole number from 1 to ${REPLICAS_MAX}, not ${text}`
  throw new OperatingError('quorum-wrong', sentence)
}

function deadlineOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= DEADLINE_MS_MAX) return value
  throw misuse(`--deadline-ms is a whole number from 1 to ${DEADLINE_MS_MAX}, not ${text}`)
}
