/**
 * The records of members that a node keeps in its data directory.
 *
 *     configuration ── first start ──► records of version 1 ──┐
 *                                                             ├─► file `members` ─► every start
 *     what other members tell, operators' commands ───────────┘
 *
 * The configuration's members introduce: they make the first records, the same on every node that
 * has the same list. A node that has joined was told the first ones by the issuer of its
 * invitation. A directory that has the file takes members from it, and from the configuration only
 * what this node states of itself (name, address, machine): a change of that becomes the next
 * version of its own record, so a member keeps its data when its address changes. Weight and zone
 * are an operator's from then on: everwrite cluster weight, and zone.
 */
import { assert } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Config, MemberConfig } from '../../config.ts'
import {
  type MemberRecord,
  MemberState,
  memberRecord,
} from '../../dynamo/membership/member-record.ts'
import { sameFacts } from '../../dynamo/membership/member-record.ts'
import { EARLIER_FACTS_MAX, OwnRecord } from '../../dynamo/membership/own-record.ts'
import type { Member } from '../../dynamo/ring/ring.ts'
import { readMembers, writeMembers } from '../../store/members.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import { KeptFile } from '../replica/kept-file.ts'
import { memberIdOf } from './topology.ts'

/** The records that a list of members makes, before anything is known of them. */
export function firstRecords({
  cluster,
  members,
}: Pick<Config, 'cluster' | 'members'>): readonly MemberRecord[] {
  return members.map((member) => {
    const id = memberIdOf(cluster, member.name)
    const by = { by: id, sponsor: id }
    return memberRecord({ id, ...member, ...by, state: MemberState.joined, version: 1 })
  })
}

export interface KeptMembersOptions {
  readonly own: OwnRecord
  /** All that are known, the own one as it was last written down. */
  readonly records: readonly MemberRecord[]
  readonly earlier: readonly Member[]
  /** False where the file is missing, or this node states something else now. */
  readonly isWritten: boolean
  /** Undefined if the engine is not durable. */
  readonly directory: Directory | undefined
  readonly clock: Clock
}

export class KeptMembers {
  readonly own: OwnRecord
  /** All that were known at the start. */
  readonly records: readonly MemberRecord[]
  readonly isWritten: boolean
  readonly #earlier: readonly Member[]
  readonly #file: KeptFile
  #all: () => Iterable<MemberRecord>
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined

  constructor(options: KeptMembersOptions) {
    const { own, records, earlier, isWritten, directory, clock } = options
    this.own = own
    this.records = records
    this.isWritten = isWritten
    this.#earlier = earlier
    this.#all = () => [own.record, ...records.filter(({ id }) => id !== own.id)]
    this.#file = new KeptFile({
      clock,
      write: async () => {
        if (directory !== undefined) await writeMembers(directory, this.#state())
      },
      of: 'what this node must remember of the members',
      onFailed: (reason) => this.onFailed(reason),
    })
  }

  /** From now on these are all records. */
  follow(all: () => Iterable<MemberRecord>): void {
    this.#all = all
  }

  /** Resolves with true once all records, as they are now, are durable. */
  save(): Promise<boolean> {
    return this.#file.save()
  }

  /** Resolves when everything is written, or there is no room for it. */
  close(): Promise<void> {
    return this.#file.close()
  }

  #state(): Parameters<typeof writeMembers>[1] {
    return { records: [...this.#all()], earlier: this.#earlier }
  }
}

/**
 * Reads the records of a directory, or takes the first ones. Fails with `member-gone` where this
 * node was removed from the cluster, or with `data-rotten`; nothing is written.
 */
export async function readKeptMembers(
  config: Config,
  directory: Directory | undefined,
  clock: Clock,
  first: readonly MemberRecord[] = firstRecords(config),
): Promise<KeptMembers> {
  const { id: self, name, members } = config
  const facts = { id: self, ...(members.find((member) => member.name === name) as MemberConfig) }
  const kept = directory === undefined ? undefined : await readMembers(directory)
  const records = kept?.records ?? first
  const isOwn = ({ id }: Member): boolean => id === self
  const known = records.find(isOwn) ?? first.find(isOwn)
  assert(known !== undefined, 'the first records have this node among them')
  if (known.state === MemberState.gone) throw memberGone(config.name)
  const isSame = sameFacts(known, facts)
  const before = kept?.earlier ?? []
  const earlier = isSame ? before : [known, ...before].slice(0, EARLIER_FACTS_MAX)
  const own = new OwnRecord(known, facts, before)
  const isWritten = kept !== undefined && isSame && records.includes(known)
  return new KeptMembers({ own, records, earlier, isWritten, directory, clock })
}

/** It ends by itself, as it was told. */
export function memberLeft(name: string): OperatingError {
  return new OperatingError(
    'member-gone',
    `${name} has left the cluster: all that it held is at other members, and its data directory` +
      ' is not needed any more',
  )
}

export function memberGone(name: string): OperatingError {
  return new OperatingError(
    'member-gone',
    `${name} was removed from the cluster, for good: join as a new member, with an empty directory`,
  )
}
