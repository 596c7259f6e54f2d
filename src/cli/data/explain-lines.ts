/**
 * What `everwrite explain` says beside the copies: how they compare, what of them lies below a
 * floor, and what a deleted key waits for.
 */
import type {
  ExplainedCopy,
  ExplainedNode,
  ExplainedWait,
  Explanation,
  MemberLabel,
} from '../../client/explanation.ts'
import { countLabel, durationLabel } from '../labels.ts'
import { tableOf } from '../table.ts'

const REASONS: Readonly<Record<ExplainedWait['reason'], string>> = {
  untold: 'has not told what it holds; a member that is away holds up every round',
  hint: 'the hint must come home',
  exchange: 'an exchange must make its copy equal to the others',
  behind: 'it must adopt the round of the others, by exchanges with them',
  round: 'a round must adopt a floor that holds the writes',
  remembered: 'a request that may be repeated has written it: twice the longest deadline must pass',
  siblings: 'each range has a sibling: a put must replace those',
  look: 'nothing more: it goes when the node looks next, which it does every few seconds',
}

/** A row for each copy, and for each node without one; empty where no node has told. */
export function standingsTable(nodes: readonly ExplainedNode[]): string {
  const head = ['node', 'round', 'age', 'dots', 'ranges', 'root']
  const rows = nodes.flatMap(rowsOf)
  return rows.length === 0 ? '' : tableOf(head, head.length, rows)
}

function rowsOf({ copies, standing, ...node }: ExplainedNode): string[][] {
  if (standing === undefined) return []
  const { round, roundAgeMs, root = '-' } = standing
  const roundLabel = round === 0 ? 'none' : countLabel(round)
  const age = ageLabel(roundAgeMs)
  if (copies.length === 0) return [[labelOf(node), roundLabel, age, '-', '-', root]]
  return copies.map((copy) => {
    const { hintFor } = copy
    const name = labelOf(node) + (hintFor === undefined ? '' : ` for ${labelOf(hintFor)}`)
    return [name, roundLabel, age, dotsLabel(copy), rangesLabel(copy), root]
  })
}

function dotsLabel({ siblings }: ExplainedCopy): string {
  const dots = siblings.flatMap((sibling) => sibling.dots)
  const below = dots.filter(({ isBelowFloor }) => isBelowFloor).length
  return `${below} of ${dots.length} below`
}

function rangesLabel({ context }: ExplainedCopy): string {
  const below = context.filter(({ isBelowFloor }) => isBelowFloor).length
  const replaced = context.filter(({ isReplaced }) => isReplaced).length
  return `${below} of ${context.length} below, ${replaced} replaced`
}

export function equalityLines(explanation: Explanation): readonly string[] {
  const { areEqual, equalMs, differsMs, partition, nodes } = explanation
  const owners = nodes.filter(({ role }) => role === 'owner')
  if (owners.length < 2) return []
  const copies = {
    true: 'the owners hold the same siblings',
    false: 'the owners hold different siblings',
    undefined: 'the owners that have told hold the same siblings',
  }[`${areEqual}`]
  const roots = `their copies in partition ${partition}`
  if (differsMs !== undefined) return [`${copies}; ${roots} differ for ${ageLabel(differsMs)}`]
  if (equalMs === undefined) return [`${copies}; ${roots} were not compared in all pairs yet`]
  return [`${copies}; ${roots} were found equal ${ageLabel(equalMs)} ago`]
}

/** What the removal waits for: the nodes with one reason in one line. */
export function removalLines({ removal, nodes }: Explanation): readonly string[] {
  if (removal === undefined) return []
  const { of, waits } = removal
  const what = of === 'key' ? 'the deleted key goes for good' : 'replaced ranges of the context go'
  const byReason = new Map<ExplainedWait['reason'], string[]>()
  for (const wait of waits) {
    byReason.set(wait.reason, [...(byReason.get(wait.reason) ?? []), labelOf(wait)])
  }
  const lines = [...byReason].map(([reason, names]) => `  ${names.join(', ')}: ${REASONS[reason]}`)
  return [`${what} after:`, ...lines, ...(byReason.has('round') ? [roundLine(nodes)] : [])]
}

/** When the next round opens, and what holds it up. */
function roundLine(nodes: readonly ExplainedNode[]): string {
  const standings = nodes.flatMap(({ standing }) => (standing === undefined ? [] : [standing]))
  const leftMs = Math.min(...standings.map(({ roundMs, roundAgeMs }) => roundMs - roundAgeMs))
  const obstacles = new Set(standings.flatMap(({ obstacle }) => obstacle ?? []))
  const when = leftMs > 0 ? `opens in about ${ageLabel(leftMs)}` : 'is due'
  const why = obstacles.size === 0 ? '' : `, and rounds are held up: ${[...obstacles].join('; ')}`
  return `  the next round ${when}${why}`
}

function ageLabel(ms: number): string {
  return durationLabel(Math.round(ms / 1000))
}

export function counted(count: number, what: string): string {
  return `${countLabel(count)} ${what}${count === 1 ? '' : 's'}`
}

export function labelOf({ id, name }: MemberLabel): string {
  return name === '' ? id : name
}
