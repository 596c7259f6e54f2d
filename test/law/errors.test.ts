/**
 * Every code of base/errors.ts is told, raised and tested.
 *
 * Told: it stands in protocol/README.md with its number, its certainty and whether to try again,
 * and in docs/errors.md with its meaning and its cure.
 * Raised: some file of src names it where an error is made. Tested: some test names it. The last
 * two are judged by the text alone; what is not so yet stands below with its reason, and an entry
 * that has become untrue fails like a missing one.
 */
import t from 'tap'
import { ERROR_KINDS } from '../../src/base/errors.ts'
import { FACTS } from '../../src/world/trace.ts'
import { readTree, type Tree, tableRows, uncommented, within } from './source.ts'

type Kinds = Readonly<
  Record<string, { readonly number: number; certainty: string; isRetryable: boolean }>
>
/** What is exempt, gathered under the reason why. */
type Exempt = Readonly<Record<string, readonly string[]>>

const TABLE = 'src/base/errors.ts'
const PAGE = 'protocol/README.md'
const CURES = 'docs/errors.md'

/** Codes that nothing in src raises yet. */
const UNRAISED: Exempt = {
  'how a code that only a newer peer knows is read': ['internal'],
}

/** Codes that no test names yet. */
const UNTESTED: Exempt = {}

const COLUMNS = ['code', 'number', 'certainty', 'retryable'] as const

/** Rows of the page's table of errors, each as its cells in the order of `COLUMNS`. */
function errorsIn(page: string): string[][] {
  const rows = tableRows(page)
  let places: number[] = []
  const found: string[][] = []
  for (const row of rows) {
    const heads = row.map((cell) => cell.toLowerCase())
    const next = COLUMNS.map((name) => heads.findIndex((cell) => cell.startsWith(name)))
    if (next.every((place) => place !== -1)) places = next
    else if (/^[a-z]+(?:-[a-z]+)*$/.test(row[places[0] ?? -1] ?? '')) {
      const cells = places.map((place) => row[place] ?? '')
      if (/^\d+$/.test(cells[1] ?? '')) found.push(cells)
    }
  }
  return found
}

function pageTellsThem(kinds: Kinds, page: string): string[] {
  const wrong: string[] = []
  const told = new Map(errorsIn(page).map((cells) => [cells[0] ?? '', cells.slice(1)]))
  const numbers = new Map<number, string>()
  for (const [code, kind] of Object.entries(kinds)) {
    const other = numbers.get(kind.number)
    if (other !== undefined) wrong.push(`${code} and ${other} have one number, ${kind.number}`)
    numbers.set(kind.number, code)
    const expected = `${kind.number}, ${kind.certainty}, ${kind.isRetryable ? 'yes' : 'no'}`
    const cells = told.get(code)
    const actual = cells?.join(', ').replace('in doubt', 'in-doubt')
    if (actual !== expected) wrong.push(`${code}: ${expected}; in ${PAGE}: ${actual ?? 'nothing'}`)
  }
  for (const code of told.keys()) {
    if (!Object.hasOwn(kinds, code)) wrong.push(`${code} stands in ${PAGE}, and is no code`)
  }
  return wrong
}

/** Each code has one row of three cells, all with text. */
function cureIsTold(kinds: Kinds, page: string): string[] {
  const rows = tableRows(page).filter(([code]) => code !== 'code')
  const codes = rows.map(([code]) => code ?? '')
  return [
    ...Object.keys(kinds)
      .filter((code) => codes.filter((told) => told === code).length !== 1)
      .map((code) => `${code}: has not one row in ${CURES}`),
    ...rows
      .filter((cells) => cells.length !== 3 || cells.includes(''))
      .map(([code]) => `${code}: has no meaning or no cure in ${CURES}`),
    ...codes
      .filter((code) => !Object.hasOwn(kinds, code))
      .map((code) => `${code} stands in ${CURES}, and is no code`),
  ]
}

/** A code of one word may mean anything; where an error is made it is the first thing said. */
function raising(code: string): RegExp {
  return code.includes('-')
    ? new RegExp(`(?<!(?:[!=]==\\s*|case\\s+|\\bnote\\(\\s*))'${code}'`)
    : new RegExp(`\\(\\s*(?:[^()'"]+\\?\\s*)?(?:'[\\w-]+'\\s*:\\s*)?'${code}'\\s*[,:)]`)
}

/** One word, or the name of a fact too, counts only where it is said to be a code. */
function testing(code: string): RegExp {
  return code.includes('-') && !Object.hasOwn(FACTS, code)
    ? new RegExp(`'${code}'`)
    : new RegExp(`(?:code[:,]\\s*|(?<!note|count)\\(\\s*)'${code}'`)
}

function judged(
  tree: Tree,
  marks: ReadonlyMap<string, RegExp>,
  exempt: Exempt,
  act: string,
): string[] {
  const texts = [...tree].map(([path, text]) => uncommented(path, text))
  const exempted = Object.values(exempt).flat()
  const wrong: string[] = []
  for (const [code, mark] of marks) {
    const isSo = texts.some((text) => mark.test(text))
    if (!isSo && !exempted.includes(code)) wrong.push(`${code}: is never ${act}`)
    if (isSo && exempted.includes(code)) wrong.push(`${code}: is ${act}: strike it from the list`)
  }
  const gone = exempted.filter((code) => !marks.has(code))
  return [...wrong, ...gone.map((code) => `${code}: is no code: strike it from the list`)]
}

function codesAreRaised(kinds: Kinds, tree: Tree, unraised = UNRAISED): string[] {
  const sources = new Map([...within(tree, ['src'], ['.ts'])].filter(([path]) => path !== TABLE))
  const marks = new Map(Object.keys(kinds).map((code) => [code, raising(code)]))
  return judged(sources, marks, unraised, 'raised')
}

function codesAreTested(kinds: Kinds, tree: Tree, untested = UNTESTED): string[] {
  const all = [...within(tree, ['test'], ['.ts'])]
  const tests = new Map(all.filter(([path]) => !path.startsWith('test/law/')))
  const marks = new Map(Object.keys(kinds).map((code) => [code, testing(code)]))
  return judged(tests, marks, untested, 'tested')
}

const tree = readTree()

const PLANTED: Kinds = {
  'disk-full': { number: 80, certainty: 'refused', isRetryable: true },
  closed: { number: 113, certainty: 'refused', isRetryable: false },
}

t.test('the protocol tells every error', async (t) => {
  t.same(pageTellsThem(ERROR_KINDS, tree.get(PAGE) ?? ''), [])
  const page = `| number | code | certainty | retryable |
|--:|---|---|---|
| 80 | \`disk-full\` | in doubt | yes |
| 81 | \`no-code\` | refused | yes |`
  t.equal(pageTellsThem(PLANTED, page).length, 3)
})

t.test('a page tells the meaning and the cure of every error', async (t) => {
  t.same(cureIsTold(ERROR_KINDS, tree.get(CURES) ?? ''), [])
  const page = `| code | meaning | cure |
|---|---|---|
| \`disk-full\` | It is full. | |
| \`no-code\` | a | b |`
  t.equal(cureIsTold(PLANTED, page).length, 3)
})

t.test('every error is raised somewhere', async (t) => {
  t.same(codesAreRaised(ERROR_KINDS, tree), [])
  const planted = new Map([
    ['src/a.ts', "case 'disk-full':\n// new OperatingError('disk-full')"],
    ['src/b.ts', "throw refused(\n  'closed',\n  'x')"],
    ['test/a.ts', "new OperatingError('disk-full')"],
  ])
  t.same(codesAreRaised(PLANTED, planted, {}), ['disk-full: is never raised'])
  t.equal(codesAreRaised(PLANTED, planted, { later: ['disk-full', 'closed'] }).length, 1)
})

t.test('every error is named in a test', async (t) => {
  t.same(codesAreTested(ERROR_KINDS, tree), [])
  const planted = new Map([
    ['src/a.ts', "'disk-full'"],
    ['test/a.test.ts', "t.equal(e.code, 'closed')"],
  ])
  t.same(codesAreTested(PLANTED, planted, {}), ['disk-full: is never tested'])
})
