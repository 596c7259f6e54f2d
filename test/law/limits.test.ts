/**
 * The bounds stand in three places that agree: limits.ts, the code that keeps them, and, where the
 * other side of a connection can meet them, the table in protocol/README.md.
 */
import t from 'tap'
import * as LIMITS from '../../src/limits.ts'
import { codeOf, readTree, type Tree, tableRows, within } from './source.ts'

type Limits = Readonly<Record<string, number>>
/** What is exempt, gathered under the reason why. */
type Exempt = Readonly<Record<string, readonly string[]>>

const PAGE = 'protocol/README.md'

/** Limits that another implementation never meets as a number: they need not stand in the page. */
const INSIDE: Exempt = {
  'how much a node takes on at once: the other side is told overloaded or too-many-connections': [
    'CONNECTIONS_MAX',
    'CALLS_PER_NODE_MAX',
    'DELIVERIES_MAX',
    'HINT_BYTES_MIN',
    'EXCHANGE_WAITERS_MAX',
    'NEWS_MAX',
    'PREFERRED_MAX',
    'RELAYS_MAX',
    'AVOIDED_MEMBERS_MAX',
    'REPAIRS_MAX',
    'TRANSFER_RECEIVERS_MAX',
    'TRANSFER_DONORS_MAX',
    'WAITERS_PER_KEY_MAX',
    'UNSYNCED_BYTES_MAX',
  ],
  'what a node remembers, or when it rests: seen as time alone': [
    'REMEMBERED_REQUESTS_MAX',
    'RECENT_STARTS_MAX',
    'MENDS_MAX',
    'GONE_MEMBERS_MAX',
    'EXCHANGE_MS_MAX',
    'ROUND_MS_MAX',
    'BACKGROUND_REST_MS_MAX',
    'LOG_BYTES_MAX',
    'DEV_LOG_BYTES_MAX',
    'OUTGOING_BYTES_PAUSE',
    'OUTGOING_BYTES_PER_CONNECTION_MAX',
    'MESSAGE_MEMORY_BYTES_MAX',
  ],
  'how much a client takes on at once: a node never meets it': [
    'WAITING_CALLS_MAX',
    'SESSION_BYTES_MAX',
    'WAITING_BYTES_MAX',
  ],
  'how often one side asks once more: the page says it in words': [
    'READS_PER_HEDGE',
    'HEDGES_FREE_MAX',
    'CALLS_PER_RETRY',
    'RETRIES_FREE_MAX',
  ],
  'the shape of files, which no message carries': [
    'SEGMENT_BYTES_MAX',
    'SEGMENTS_MAX',
    'SEGMENT_FILES_MAX',
    'GROUP_BYTES_MAX',
    'NOTE_BYTES_MAX',
    'RECORD_BYTES_MAX',
  ],
}

function namesIn(exempt: Exempt): string[] {
  return Object.values(exempt).flat()
}

/** The limits in a page: the rows whose first cell is a constant's name. */
function limitsIn(page: string): Map<string, string> {
  const rows = tableRows(page).filter(([name]) =>
    /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(name ?? ''),
  )
  return new Map(rows.map(([name, value]) => [name ?? '', value ?? '']))
}

function pageAgrees(limits: Limits, page: string, inside = INSIDE): string[] {
  const wrong: string[] = []
  const rows = limitsIn(page)
  for (const [name, value] of Object.entries(limits)) {
    const cell = rows.get(name)
    if (cell === undefined) {
      if (!namesIn(inside).includes(name)) wrong.push(`${name} does not stand in ${PAGE}`)
      continue
    }
    const digits = /^(\d[\d _]*)(?:\s*(?:bytes|ms))?$/.exec(cell)?.[1]?.replace(/[ _]/g, '')
    if (digits !== String(value)) wrong.push(`${name} is ${value}, and ${cell} in ${PAGE}`)
  }
  for (const name of rows.keys()) {
    if (!Object.hasOwn(limits, name)) wrong.push(`${name} stands in ${PAGE}, and is no limit`)
  }
  for (const name of namesIn(inside)) {
    if (!Object.hasOwn(limits, name)) wrong.push(`${name} is no limit: strike it from INSIDE`)
  }
  return wrong
}

function limitsAreKept(names: readonly string[], tree: Tree): string[] {
  const words = new Set<string>()
  for (const [path, text] of within(tree, ['src'], ['.ts'])) {
    if (path === 'src/limits.ts') continue
    for (const [word] of codeOf(path, text).matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)) {
      words.add(word)
    }
  }
  return names.filter((name) => !words.has(name)).map((name) => `${name}: nothing in src keeps it`)
}

const tree = readTree()

t.test('every limit that the wire can meet stands in the page, with its number', async (t) => {
  t.same(pageAgrees(LIMITS, tree.get(PAGE) ?? ''), [])
  const page = '| `A_MAX` | 4 096 |\n| `B_MS_MAX` | 60_001 ms |\n| `GONE_MAX` | 1 |\n'
  t.equal(pageAgrees({ A_MAX: 4096, B_MS_MAX: 60_000, C_MAX: 1 }, page, {}).length, 3)
})

t.test('every limit is kept by something', async (t) => {
  t.same(limitsAreKept(Object.keys(LIMITS), tree), [])
  const planted = new Map([['src/node/a.ts', 'if (x > A_MAX) refuse() // B_MAX']])
  t.same(limitsAreKept(['A_MAX', 'B_MAX'], planted), ['B_MAX: nothing in src keeps it'])
})
