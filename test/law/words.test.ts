/**
 * The words of STYLE.md are kept, and sentences have subjects that exist.
 *
 * A word in backticks in the last column of the table of words stands nowhere in code, comments or
 * messages: neither alone nor as a part of a name. (A row whose word has other honest meanings
 * carries no backticks.)
 */
import t from 'tap'
import { lineAt, readTree, type Tree, within } from './source.ts'

const PAGE = 'STYLE.md'
const PLACES = ['src', 'native', 'protocol', 'test', 'bench', 'scripts']
const LANGUAGES = ['.ts', '.js', '.cc', '.h', '.proto', '.md']
/** These files spell what others may not. */
const LISTS = [PAGE, 'test/law/words.test.ts']

/** Subjects that name no thing of the code: the reader must guess which one acts. */
const VAGUE = /\b(?:whoever|nobody|somebody|anybody|whom)\b|\bwhat is [^.;:\n]{1,60}? is\b/gi
const VAGUE_PER_10000_LINES_MAX = 5

/** The words in backticks in the last cell of each row of the table of words. */
function forbiddenIn(page: string): string[] {
  const table = page.slice(
    page.indexOf('## Words'),
    page.indexOf('\n## ', page.indexOf('## Words') + 1),
  )
  const cells = table.matchAll(/^\|.*\|([^|]*)\|$/gm)
  return [...cells].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`(\w+)`/g)].map(([, word]) => word ?? ''),
  )
}

/** Finds a name as it is; a plain word also in the plural and as a part of a name. */
function useOf(word: string): RegExp {
  if (/[a-z][A-Z]/.test(word)) return new RegExp(`\\b${word}\\b`, 'gi')
  const capital = word.charAt(0).toUpperCase() + word.slice(1)
  return new RegExp(`\\b(?:${word}|${capital})s?(?![a-z])|(?<=[a-z])${capital}s?(?![a-z])`, 'g')
}

function wordsAreKept(tree: Tree, forbidden: readonly string[]): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, PLACES, LANGUAGES)) {
    if (LISTS.includes(path)) continue
    for (const word of forbidden) {
      for (const found of text.matchAll(useOf(word))) {
        wrong.push(`${path}:${lineAt(text, found.index)}: ${word}: another word is in ${PAGE}`)
      }
    }
  }
  return wrong
}

/** Every vague subject, and how many lines were read. */
function vagueSubjects(tree: Tree): { readonly found: string[]; readonly lines: number } {
  const found: string[] = []
  let lines = 0
  for (const [path, text] of tree) {
    if (LISTS.includes(path) || !LANGUAGES.some((language) => path.endsWith(language))) continue
    lines += text.split('\n').length
    for (const match of text.matchAll(VAGUE)) {
      found.push(`${path}:${lineAt(text, match.index)}: ${match[0]}`)
    }
  }
  return { found, lines }
}

const tree = readTree()

t.test('no word is used that the table of words replaces', async (t) => {
  const forbidden = forbiddenIn(tree.get(PAGE) ?? '')
  t.not(forbidden.length, 0, 'the table forbids something')
  t.same(wordsAreKept(tree, forbidden), [])
  const planted = new Map([['src/a.ts', '// masters\nconst theLeader = 1\nconst mastered = 2']])
  t.equal(wordsAreKept(planted, ['leader', 'master']).length, 2)
})

t.test('sentences have subjects that exist', async (t) => {
  const { found, lines } = vagueSubjects(tree)
  const max = Math.floor((lines * VAGUE_PER_10000_LINES_MAX) / 10_000)
  t.ok(found.length <= max, `${found.length} of at most ${max}`, { found })
  const planted = new Map([['src/a.ts', '// Nobody asks. What is lost is lost.']])
  t.equal(vagueSubjects(planted).found.length, 2)
})
