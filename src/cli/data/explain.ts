/** `everwrite explain BUCKET KEY`: who should hold a key, and what each node holds of it. */
import type { Command } from 'commander'
import type {
  ExplainedCopy,
  ExplainedDot,
  ExplainedNode,
  ExplainedRange,
  ExplainedSibling,
  Explanation,
} from '../../client/explanation.ts'
import {
  addConnectionOptions,
  argumentOf,
  type ConnectionOptions,
  withClient,
} from '../cluster-options.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import { counted, equalityLines, labelOf, removalLines, standingsTable } from './explain-lines.ts'
import { fieldOf } from './record.ts'

interface Options extends ConnectionOptions {
  readonly key64?: true
}

export function addExplain(program: Command): void {
  addConnectionOptions(program.command('explain'))
    .argument('<bucket>')
    .argument('<key>')
    .description('show which nodes should hold a key, and what each of them holds durably')
    .option('--key64', 'the key is base64: for keys that are not UTF-8 text')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite explain carts anna
  $ everwrite explain carts anna --json | jq '.nodes[].copies'

holds    siblings of the node's own copy, or of a hint that it keeps for an owner
digest   over these siblings: copies with the same siblings have the same one
knows    all writes of the key that this copy has met, as a vector clock: node@start:numbers. A
         write is in a copy's past where it is known and is none of its siblings
failure  why a node has not told what it holds
round    the last round that the node has adopted, and how long ago
dots     how many writes of siblings lie at or below the floor of that round
ranges   the same of what the copy knows, and how many of its ranges hold replaced writes alone
root     the sum of the node's copies in the partition: owners with one root have equal copies

Of a deleted key the last lines tell what must happen before it goes for good; of one that knows
more than twice as many ranges as the bucket has copies, what must happen before some of them go.
Nothing is merged and nothing is repaired: what is shown is what is there.
${EXIT_CODES_HELP}`,
    )
    .action(explain)
}

async function explain(bucket: string, key: string, options: Options): Promise<void> {
  const keyBytes = argumentOf('key', key, options.key64)
  await withClient(options, async (client) => {
    const explanation = await client.explain(bucket, keyBytes)
    if (options.json === true) {
      const named = { bucket, ...fieldOf('key', keyBytes), ...explanation }
      await print(`${JSON.stringify(named)}\n`)
      return
    }
    await print(explanationText(`${bucket}/${key}`, explanation))
  })
}

/** What the command prints for people. */
export function explanationText(name: string, explanation: Explanation): string {
  const { token, partition, leaf, nodes } = explanation
  const told = nodes.filter(({ role, copies, failure }) => {
    return role === 'owner' || copies.length > 0 || failure !== undefined
  })
  const head = ['node', 'machine', 'role', 'holds', 'digest', 'knows']
  const table = tableOf(head, head.length, told.flatMap(rowsOf))
  const siblings = foundIn(nodes)
  const lines = siblings.length === 0 ? [nothingAt(nodes)] : siblings.map(lineOf)
  const parts = [
    `${name}: token ${token}, partition ${partition}, leaf ${leaf}`,
    table,
    lines.join('\n'),
    standingsTable(told),
    [...equalityLines(explanation), ...removalLines(explanation)].join('\n'),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function nothingAt(nodes: readonly ExplainedNode[]): string {
  const silent = nodes.filter(({ failure }) => failure !== undefined).length
  return silent === 0
    ? 'no node holds it'
    : `no node that has told holds it; ${silent} have not told`
}

function rowsOf(node: ExplainedNode): string[][] {
  const { name, machine, role, failure, copies } = node
  if (failure !== undefined) return [[name, machine, role, `not told: ${failure}`, '', '']]
  if (copies.length === 0) return [[name, machine, role, 'nothing', '', '']]
  return copies.map((copy) => [
    name,
    machine,
    role,
    holdsOf(copy),
    copy.digest,
    copy.context.map(rangeLabel).join(' '),
  ])
}

function holdsOf({ hintFor, siblings }: ExplainedCopy): string {
  const count = counted(siblings.length, 'sibling')
  return hintFor === undefined ? count : `${count}, a hint for ${labelOf(hintFor)}`
}

/** A sibling, and who holds it. */
interface FoundSibling {
  readonly sibling: ExplainedSibling
  readonly holders: string[]
}

/** The siblings of all copies; attempts of one write are one. */
function foundIn(nodes: readonly ExplainedNode[]): readonly FoundSibling[] {
  const found = new Map<string, FoundSibling>()
  for (const node of nodes) {
    for (const { hintFor, siblings } of node.copies) {
      const holder = hintFor === undefined ? node.name : `${node.name} for ${labelOf(hintFor)}`
      for (const sibling of siblings) {
        const { requestId, valueBytes } = sibling
        const known = found.get(`${requestId}-${valueBytes}`)
        if (known !== undefined) known.holders.push(holder)
        else found.set(`${requestId}-${valueBytes}`, { sibling, holders: [holder] })
      }
    }
  }
  return [...found.values()]
}

function lineOf({ sibling, holders }: FoundSibling, index: number): string {
  const { dots, time, isTombstone, valueBytes } = sibling
  const what = isTombstone ? 'a delete' : counted(valueBytes, 'byte')
  const by = [...new Set(dots.map(({ coordinator }) => labelOf(coordinator)))].join(' and ')
  const when = new Date(time).toISOString()
  const named = dots.map(dotLabel).join(' ')
  return (
    `sibling ${index + 1}: ${what}, written by ${by} at ${when} by its clock\n` +
    `  dots ${named}; held by ${holders.join(', ')}`
  )
}

function dotLabel(dot: ExplainedDot): string {
  return `${lineLabel(dot)}:${dot.counter}`
}

function rangeLabel(range: ExplainedRange): string {
  const { first, last } = range
  return `${lineLabel(range)}:${first === last ? first : `${first}-${last}`}`
}

/** The node and the first digits of its start, which tell its runs apart. */
function lineLabel({ coordinator, start }: Pick<ExplainedDot, 'coordinator' | 'start'>): string {
  return `${labelOf(coordinator)}@${start.slice(0, 4)}`
}
