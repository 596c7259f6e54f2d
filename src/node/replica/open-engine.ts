/**
 * Opens the engine that a configuration names, in a directory that must be this node's own.
 */
import { hexOf } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import type { BucketRecord } from '../../dynamo/buckets/bucket-record.ts'
import { ID_BYTES } from '../../dynamo/names.ts'
import type { PlacedMember, Placement } from '../../dynamo/ring/placement.ts'
import type { KeptRing } from '../../dynamo/ring/ring-view.ts'
import type { Engine } from '../../store/engine.ts'
import { acceptBuckets, OF_JOINERS, openIdentity } from '../../store/identity.ts'
import { readBuckets } from '../../store/buckets.ts'
import { MemoryEngine } from '../../store/memory/memory.ts'
import { type LetIn, readJoining } from '../../store/joining.ts'
import { openLog } from '../../store/log/open-log.ts'
import { readRing } from '../../store/ring.ts'
import { NO_ROUNDS, readRounds } from '../../store/rounds.ts'
import { type KeptKeys, readKeptKeys } from '../cluster/held-keys.ts'
import { type KeptMembers, readKeptMembers } from '../cluster/kept-members.ts'
import { OwnStanding } from '../cluster/own-standing.ts'
import type { Directory } from '../../world/disk.ts'
import type { World } from '../../world/world.ts'
import { checkBuckets } from './check-buckets.ts'
import { Floors } from './floors.ts'
import { FoundDigests } from './found-digests.ts'

export interface OpenedEngine {
  readonly engine: Engine
  /** Undefined where the engine does not tell them. */
  readonly digests: FoundDigests | undefined
  readonly standing: OwnStanding
  readonly floors: Floors
  readonly members: KeptMembers
  readonly keys: KeptKeys
  /** Under which the data is written: the members are those that the directory was begun with. */
  readonly placement: Placement
  /** Tables and moves as they were kept; undefined: the cluster's first ring. */
  readonly ring: KeptRing | undefined
  /** Those that were created, as they were kept; undefined: this directory has heard of none. */
  readonly buckets: readonly BucketRecord[] | undefined
  /** Undefined where the engine uses no disk. */
  readonly directory: Directory | undefined
}

/**
 * Resolves when everything that survived is there and durable. Fails with `data-locked`,
 * `data-foreign`, `data-newer`, `data-older`, `data-rotten`, `ring-changed`, `member-gone`,
 * `key-file-wrong`, `config-wrong`, `disk-full` or `log-blocked`; nothing is then changed.
 */
export async function openEngine(config: Config, world: World): Promise<OpenedEngine> {
  const { clock, disk, trace, entropy } = world
  const { engine: named, mayRebuild } = config
  // Drawn at each start: the number of this process, and the id of a directory that it makes.
  const newId = hexOf(entropy.bytes(ID_BYTES))
  const processId = newId
  if (named === 'memory') return await inMemory(config, world, newId)
  const directory = await disk.directory(config.directory)
  const letIn = await letInOf(config, directory)
  const name = typeof named === 'string' ? named : named.name
  const own = { cluster: config.cluster, engine: name, node: config.id }
  const configured = { ...own, placement: placementOf(config, letIn?.placement.members) }
  const beginning = letIn && OF_JOINERS
  const { id, changes, placement } = await openIdentity(directory, configured, newId, beginning)
  const members = await readKeptMembers(config, directory, clock, letIn?.records)
  const keys = await readKeptKeys(config, directory)
  const { digestKey } = keys.held
  const ownDigests = new FoundDigests(digestKey)
  const options = { directory, clock, trace, digestKey, ownDigests }
  const engine = await (typeof named === 'string'
    ? openLog({ ...options, segmentBytes: config.segmentBytes }).then((opened) => opened.engine)
    : named.open(options))
  if (changes.length > 0) {
    await checkBuckets(engine, changes)
    await acceptBuckets(directory, { ...own, placement }, id)
  }
  const { isDurable, tellsDigests } = engine.capabilities
  const digests = tellsDigests === true ? ownDigests : undefined
  const kept = isDurable ? directory : undefined
  const rounds = kept === undefined ? NO_ROUNDS : await readRounds(kept)
  const floors = new Floors({ directory: kept, clock }, rounds)
  const standing = await OwnStanding.open({
    processId,
    id: isDurable ? id : newId,
    directory: kept,
    placement,
    durable: () => engine.report().durableSequence,
    lost: engine.report().lost ?? '',
    mayRebuild: mayRebuild || !isDurable,
    clock,
    trace,
  })
  // An engine that keeps nothing begins anew at each start.
  if (rounds === undefined || (letIn !== undefined && kept === undefined)) {
    standing.lose('set-back')
    floors.lose(true)
  }
  const files = { ring: kept && (await readRing(kept)), buckets: kept && (await readBuckets(kept)) }
  return { engine, digests, standing, floors, members, keys, placement, directory, ...files }
}

/** Nothing of it is kept; `newId`: of this process, and in place of a directory. */
async function inMemory(
  config: Config,
  { clock, trace }: Pick<World, 'clock' | 'trace'>,
  newId: string,
): Promise<OpenedEngine> {
  const placement = placementOf(config)
  const kept = { id: newId, processId: newId, directory: undefined, mayRebuild: true }
  const memory = { ...kept, placement, clock, trace }
  return {
    placement,
    members: await readKeptMembers(config, undefined, clock),
    keys: await readKeptKeys(config, undefined),
    engine: new MemoryEngine(),
    digests: undefined,
    floors: new Floors({ directory: undefined, clock }),
    standing: await OwnStanding.open({ ...memory, durable: () => 0, lost: '' }),
    directory: undefined,
    ring: undefined,
    buckets: undefined,
  }
}

/** What the node of this directory was told when it joined; undefined for one of the first list. */
async function letInOf({ id, name }: Config, directory: Directory): Promise<LetIn | undefined> {
  const joining = await readJoining(directory)
  if (joining === undefined) return undefined
  const { node, letIn } = joining
  if (node !== id) {
    throw new OperatingError(
      'data-foreign',
      `${directory.path} is of member ${node}, which has joined; this node is member ${id}: give` +
        ' each node its own directory. Nothing was changed.',
    )
  }
  if (letIn !== undefined) return letIn
  const sentence = `${name} has begun to join and was not let in: start it with --join`
  throw new OperatingError('not-a-member', sentence)
}

/** What decides where this node's keys lie; `placed` are the members of the first ring. */
export function placementOf(
  { partitions, members, defaults, buckets }: Config,
  placed: readonly PlacedMember[] = members,
): Placement {
  return {
    partitions,
    members: placed.map(({ name, machine, zone, weight }) => ({ name, machine, zone, weight })),
    n: defaults.n,
    buckets: Object.fromEntries(buckets.map(({ name, n }) => [name, n])),
  }
}
