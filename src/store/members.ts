/**
 * The records of all members, also of those that are gone, as this node knows them.
 *
 *   everwrite members 1
 *   member {"id":"0123456789abcdef","version":1,"state":1,"name":"node-1",…}
 *   earlier {"id":"0123456789abcdef","name":"node-1","host":"10.0.0.1",…}
 *   crc32c 89abcdef
 *
 * `earlier` is what this node stated of itself before, the last first: another member may still
 * say so, and does not lie. The file is replaced as a whole, and durable before another member is
 * told of a record.
 */
import { utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { isId } from '../dynamo/names.ts'
import { isSound } from '../dynamo/membership/member-bytes.ts'
import {
  type MemberFields,
  type MemberRecord,
  memberRecord,
} from '../dynamo/membership/member-record.ts'
import { EARLIER_FACTS_MAX } from '../dynamo/membership/own-record.ts'
import type { Member } from '../dynamo/ring/ring.ts'
import { GONE_MEMBERS_MAX, MEMBERS_MAX } from '../limits.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, MEMBERS_NAME, readText, replaceWhole } from './files.ts'

export interface MembersState {
  readonly records: readonly MemberRecord[]
  /** At most `EARLIER_FACTS_MAX`, the last first. */
  readonly earlier: readonly Member[]
}

/** Four texts, of which JSON may write each byte as six. */
const ROW_BYTES_MAX = 24 * 1024
const MEMBERS_BYTES_MAX: number =
  (MEMBERS_MAX + GONE_MEMBERS_MAX + EARLIER_FACTS_MAX) * ROW_BYTES_MAX

export async function writeMembers(directory: Directory, state: MembersState): Promise<void> {
  const records = state.records.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const lines = [
    'everwrite members 1',
    ...records.map((record) => `member ${JSON.stringify(fieldsOf(record))}`),
    ...state.earlier.map((facts) => `earlier ${JSON.stringify(factsOf(facts))}`),
  ]
  const checked = `${lines.join('\n')}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, MEMBERS_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Undefined in a directory that has no such file yet. Fails with `data-rotten`. */
export async function readMembers(directory: Directory): Promise<MembersState | undefined> {
  if (!(await directory.list()).includes(MEMBERS_NAME)) return undefined
  const state = parse(await readText(directory, MEMBERS_NAME, MEMBERS_BYTES_MAX))
  if (state !== undefined) return state
  throw new OperatingError(
    'data-rotten',
    `the file ${MEMBERS_NAME} in ${directory.path} is garbled: restore it from a backup, or` +
      ' remove it: the members that the configuration lists give it back. Nothing was changed.',
  )
}

function parse(text: string | undefined): MembersState | undefined {
  const lines = (text ?? '').split('\n')
  const checked = `${lines.slice(0, -2).join('\n')}\n`
  const isWhole = lines.at(-1) === '' && lines.at(-2) === `crc32c ${checkOf(checked)}`
  if (!isWhole || lines[0] !== 'everwrite members 1') return undefined
  const records: MemberRecord[] = []
  const earlier: Member[] = []
  for (const row of lines.slice(1, -2)) {
    const [label] = row.split(' ', 1)
    const value = valueOf(row.slice(row.indexOf(' ') + 1))
    if (label === 'member' && isFields(value)) records.push(memberRecord(value))
    else if (label === 'earlier' && isMember(value)) earlier.push(factsOf(value))
    else return undefined
  }
  return { records, earlier }
}

function valueOf(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function isMember(value: unknown): value is Member {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>
  const { id, name, host, machine, zone, clientPort, peerPort, weight } = fields
  return (
    typeof id === 'string' &&
    isId(id) &&
    [name, host, machine, zone].every((text) => typeof text === 'string') &&
    [clientPort, peerPort, weight].every((number) => typeof number === 'number')
  )
}

function isFields(value: unknown): value is MemberFields {
  if (!isMember(value)) return false
  const { by, sponsor, version, state } = value as Partial<MemberFields>
  const ids = [by, sponsor]
  return (
    ids.every((one) => typeof one === 'string' && isId(one)) &&
    [version, state].every((number) => typeof number === 'number') &&
    isSound(value as MemberFields)
  )
}

function factsOf({ id, name, host, clientPort, peerPort, machine, zone, weight }: Member): Member {
  return { id, name, host, clientPort, peerPort, machine, zone, weight }
}

function fieldsOf({ by, sponsor, version, state, ...facts }: MemberRecord): MemberFields {
  return { ...factsOf(facts), by, sponsor, version, state }
}
