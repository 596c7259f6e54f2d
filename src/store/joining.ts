/**
 * How the node of a data directory came into its cluster: by an invitation.
 *
 *   everwrite join 1
 *   cluster "prod"
 *   node 0123456789abcdef
 *   placement {"partitions":256,"members":[{"name":"node-1",…}],"n":3,"buckets":{}}
 *   record AAAA…
 *   crc32c 89abcdef
 *
 * The first part is durable before the node asks to be let in: if it crashes, or the answer is
 * lost, it asks again under the same id. `placement` and what is below follow with the answer,
 * after the cluster keys are durable (`keys.ts`). Members of the first list have no such file.
 */
import { base64urlOf, bytesOfBase64url, utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { recordOfBytes } from '../dynamo/membership/member-bytes.ts'
import { canonicalBytes, type MemberRecord } from '../dynamo/membership/member-record.ts'
import { isId, type NodeId, nodeId } from '../dynamo/names.ts'
import { parsePlacement, type Placement } from '../dynamo/ring/placement.ts'
import { MEMBER_RECORD_BYTES_MAX, MEMBERS_MAX, PLACEMENT_BYTES_MAX } from '../limits.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, JOIN_NAME, readText, replaceWhole } from './files.ts'

/** What the node was told when it was let in, beside the keys. */
export interface LetIn {
  /** Under which the issuer's data is written: its members are those of the first ring. */
  readonly placement: Placement
  /** Of all members, this one among them. */
  readonly records: readonly MemberRecord[]
}

export interface Joining {
  readonly cluster: string
  /** Drawn at random. */
  readonly node: NodeId
  /** Undefined: as far as this node knows, it was not let in yet. */
  readonly letIn: LetIn | undefined
}

/** Base64 takes a third more. */
const JOIN_BYTES_MAX: number = 2 * MEMBERS_MAX * MEMBER_RECORD_BYTES_MAX + PLACEMENT_BYTES_MAX

export async function writeJoining(directory: Directory, joining: Joining): Promise<void> {
  const { cluster, node, letIn } = joining
  const lines = ['everwrite join 1', `cluster ${JSON.stringify(cluster)}`, `node ${node}`]
  if (letIn !== undefined) {
    lines.push(`placement ${JSON.stringify(letIn.placement)}`)
    for (const record of letIn.records) lines.push(`record ${base64urlOf(canonicalBytes(record))}`)
  }
  const checked = `${lines.join('\n')}\n`
  await write(directory, JOIN_NAME, `${checked}crc32c ${checkOf(checked)}\n`)
}

/** Undefined where the directory has no such file. Fails with `data-rotten`. */
export async function readJoining(directory: Directory): Promise<Joining | undefined> {
  if (!(await directory.list()).includes(JOIN_NAME)) return undefined
  const joining = parse(await readText(directory, JOIN_NAME, JOIN_BYTES_MAX))
  if (joining !== undefined) return joining
  throw rotten(directory, JOIN_NAME)
}

async function write(directory: Directory, name: string, text: string): Promise<void> {
  const bytes = utf8Bytes(text)
  const file = await replaceWhole(directory, name, (created) => created.write(0, bytes))
  await file.close()
}

function parse(text: string | undefined): Joining | undefined {
  const lines = (text ?? '').split('\n')
  const checked = `${lines.slice(0, -2).join('\n')}\n`
  if (lines.at(-2) !== `crc32c ${checkOf(checked)}` || lines.at(-1) !== '') return undefined
  const [head, named = '', identified = '', ...told] = lines.slice(0, -2)
  const cluster = /^cluster (".*")$/.exec(named)?.[1]
  const node = /^node (.*)$/.exec(identified)?.[1] ?? ''
  if (head !== 'everwrite join 1' || cluster === undefined || !isId(node)) return undefined
  const letIn = told.length === 0 ? undefined : letInOf(told)
  if (told.length > 0 && letIn === undefined) return undefined
  return { cluster: JSON.parse(cluster), node: nodeId(node), letIn }
}

function letInOf([placed = '', ...listed]: readonly string[]): LetIn | undefined {
  const placement = parsePlacement(/^placement (.*)$/.exec(placed)?.[1] ?? '')
  const records = listed.flatMap((line) => {
    const digits = /^record ([\w-]*)$/.exec(line)?.[1]
    return (digits === undefined ? undefined : recordOfBytes(bytesOfBase64url(digits))) ?? []
  })
  const isWhole = records.length === listed.length
  return placement === undefined || !isWhole ? undefined : { placement, records }
}

function rotten(directory: Directory, name: string): OperatingError {
  return new OperatingError(
    'data-rotten',
    `the file ${name} in ${directory.path} is missing or garbled: restore it from a backup, or` +
      ' join anew with an empty directory and another invitation. Nothing was changed.',
  )
}
