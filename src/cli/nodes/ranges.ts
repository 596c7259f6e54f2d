/** `everwrite status --ranges`: how the copies of each node compare with those of other owners. */
import { unreachable } from '../../base/assert.ts'
import { isOperatingError } from '../../base/errors.ts'
import type { Client, ClusterView } from '../../client/client.ts'
import type { ComparedOwner, NodeRanges, PartitionRange } from '../../client/ranges.ts'
import { countLabel, durationLabel } from '../labels.ts'
import { EXIT, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import { byName } from './ask-nodes.ts'

/** A node, and what it told; or why it did not. */
interface RangesRow {
  readonly member: ClusterView['members'][number]
  readonly told: NodeRanges | undefined
  readonly reason: string | undefined
}

/** What is to be said of a partition: of all its owners, or of one other. */
interface Finding {
  readonly kind: 'equal' | 'alone' | 'differs' | 'outdated' | 'unmet'
  readonly owner: string
  readonly ms: number
}

/** Partitions of one node that have the same owners and findings. */
interface Stretch {
  readonly n: number
  readonly partitions: number[]
  /** Modulo 2^64: so it is the sum of all copies in these partitions. */
  root: bigint
  readonly owners: string
  /** Each with the longest time in these partitions. */
  findings: readonly Finding[]
}

export interface RangesQuestion {
  readonly until: 'equal' | undefined
  readonly timeoutMs: number
  readonly isJson: boolean
}

const HEAD = ['node', 'N', 'partitions', 'with', 'state', 'root']
/** Of a list of partitions, before it is cut. */
const LIST_CHARS_MAX = 18

/** Asks all nodes and prints what they tell. */
export async function showRanges(client: Client, question: RangesQuestion): Promise<void> {
  const { members } = await client.topology()
  const rows = await Promise.all(byName(members).map((member) => ask(client, member, question)))
  const isUnequal = rows.some(({ told }) => told?.isEqual === false)
  if (question.until !== undefined && isUnequal) process.exitCode = EXIT.attention
  if (rows.some(({ told }) => told === undefined)) process.exitCode = EXIT.failed
  if (question.isJson) await print(`${JSON.stringify({ nodes: rows.map(jsonOf) })}\n`)
  else await print(plainOf(rows))
}

async function ask(
  client: Client,
  member: RangesRow['member'],
  { until, timeoutMs }: RangesQuestion,
): Promise<RangesRow> {
  try {
    const told = await client.ranges({ node: member.name, until, timeout: timeoutMs })
    return { member, told, reason: undefined }
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return { member, told: undefined, reason: `${error.message} (${error.code})` }
  }
}

function jsonOf({ member, told, reason }: RangesRow): unknown {
  return told ?? { id: member.id, name: member.name, reason }
}

function plainOf(rows: readonly RangesRow[]): string {
  const cells = rows.flatMap(({ member, told }) => {
    return stretchesOf(told?.ranges ?? []).map((stretch) => [member.name, ...cellsOf(stretch)])
  })
  const table = cells.length === 0 ? [] : [tableOf(HEAD, HEAD.length, cells)]
  const remarks = rows.flatMap(({ member, told, reason }) => {
    if (told === undefined) return [`no answer from ${member.name}: ${reason ?? ''}`]
    return told.isWhole ? [] : [`${member.name} is not whole: it gets copies back from the others`]
  })
  return `${[...table, ...roundsOf(rows), ...remarks].join('\n')}\n`
}

/** The rounds that the nodes have adopted: one sentence where it is the same. */
function roundsOf(rows: readonly RangesRow[]): readonly string[] {
  const byRound = new Map<number, string[]>()
  for (const { member, told } of rows) {
    if (told === undefined) continue
    byRound.set(told.round, [...(byRound.get(told.round) ?? []), member.name])
  }
  return [...byRound].map(([round, names]) => {
    return `${names.join(' ')}: ${round === 0 ? 'no round adopted' : `round ${round} adopted`}`
  })
}

/** Those of one N, owners and findings together, wherever they are on the ring. */
function stretchesOf(ranges: readonly PartitionRange[]): readonly Stretch[] {
  const stretches = new Map<string, Stretch>()
  for (const range of ranges) {
    const { n, partition } = range
    const root = BigInt(`0x${range.root}`)
    const owners = range.others.map(labelOf).sort().join(' ')
    const findings = findingsOf(range)
    const key = `${n} ${owners} ${findings.map(({ kind, owner }) => kind + owner).join(' ')}`
    const known = stretches.get(key)
    if (known === undefined) {
      stretches.set(key, { n, partitions: [partition], root, owners, findings })
      continue
    }
    known.partitions.push(partition)
    known.root = BigInt.asUintN(64, known.root + root)
    known.findings = known.findings.map((finding, i) => {
      return { ...finding, ms: Math.max(finding.ms, findings[i]?.ms ?? 0) }
    })
  }
  return [...stretches.values()]
}

/** At least one. */
function findingsOf({ root, equal, others }: PartitionRange): readonly Finding[] {
  if (others.length === 0) return [{ kind: 'alone', owner: '', ms: 0 }]
  if (equal !== undefined) return [{ kind: 'equal', owner: '', ms: equal.ageMs }]
  const sorted = others.toSorted((a, b) => (labelOf(a) < labelOf(b) ? -1 : 1))
  return sorted.flatMap((other): Finding[] => {
    const owner = labelOf(other)
    if (other.differsMs !== undefined) return [{ kind: 'differs', owner, ms: other.differsMs }]
    if (other.equal === undefined) return [{ kind: 'unmet', owner, ms: 0 }]
    return other.equal.root === root ? [] : [{ kind: 'outdated', owner, ms: other.equal.ageMs }]
  })
}

function cellsOf({ n, partitions, root, owners, findings }: Stretch): string[] {
  const state = findings.map(wordsOf).join(', ')
  return [`${n}`, partitionsLabel(partitions), owners, state, root.toString(16).padStart(16, '0')]
}

function wordsOf({ kind, owner, ms }: Finding): string {
  const time = durationLabel(Math.floor(ms / 1000))
  switch (kind) {
    case 'equal':
      return `equal, ${time} ago`
    case 'alone':
      return 'no other owner'
    case 'differs':
      return `differs from ${owner} for ${time}`
    case 'outdated':
      return `not compared with ${owner} for ${time}`
    case 'unmet':
      return `not compared with ${owner} yet`
    default:
      return unreachable(kind)
  }
}

/** `0-255`, or `0 5-7 … of 51`. */
function partitionsLabel(partitions: readonly number[]): string {
  const runs: [first: number, last: number][] = []
  for (const partition of partitions) {
    const last = runs.at(-1)
    if (last?.[1] === partition - 1) last[1] = partition
    else runs.push([partition, partition])
  }
  const text = runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
  const whole = text.join(' ')
  if (whole.length <= LIST_CHARS_MAX) return whole
  const tail = ` … of ${countLabel(partitions.length)}`
  let shown = text[0] as string
  for (const one of text.slice(1)) {
    if (shown.length + 1 + one.length + tail.length > LIST_CHARS_MAX) break
    shown += ` ${one}`
  }
  return shown + tail
}

function labelOf({ id, name }: Pick<ComparedOwner, 'id' | 'name'>): string {
  return name === '' ? id : name
}
