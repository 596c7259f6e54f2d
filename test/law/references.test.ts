/**
 * Every reference resolves: sections of pages, names of files, links, and ids of behaviours.
 *
 * A comment or page that names a section (`docs/design.md 3.4`), a file (`quorum/get.ts`) or a link
 * must name one that exists. A test title that cites behaviours (`Q1, D9: ...`) must cite rows of
 * docs/behaviours.md. A file may be named by the end of its path.
 */
import { posix } from 'node:path'
import t from 'tap'
import { isWithin, lineAt, readTree, tableRows, type Tree, uncommented, within } from './source.ts'

const SOURCES = ['src', 'native', 'test', 'bench', 'scripts']
const LANGUAGES = ['.ts', '.js', '.cc', '.h']
/** Pages that tell of the past. */
const HISTORIES = ['CHANGELOG.md']
const BEHAVIOURS = 'docs/behaviours.md'
/** Files of others, and names with a part to fill in. */
const FOREIGN = /^(?:vectors|napi)\.h$|^protobuf\.js$|NAME/

const SECTION = /\b([\w./-]+\.md) (\d+(?:\.\d+)*)((?:(?:, | and )\d+(?:\.\d+)*)*)/g
const FILE =
  /(?<![\w./*{}$-])(?:\.{1,2}\/)*([a-z][\w.-]*(?:\/[\w.-]+)*\.(?:ts|js|cc|h|md|proto))\b(?![*{])/g
const LINK = /\]\(([^)#:\s]+)(?:#[^)\s]*)?\)/g
const CITED = /['"`](?:[^'"`\n]*\band )?((?:[A-Z]\d{1,2}, )*[A-Z]\d{1,2}): /g

/** The text with everything but comments blanked; of a page, with its examples blanked. */
function proseOf(path: string, text: string): string {
  if (path.endsWith('.md')) {
    const blank = (found: string): string => found.replace(/[^\n]/g, ' ')
    return text.replace(/^```[\s\S]*?^```/gm, blank).replace(/^ {4,}.*$/gm, blank)
  }
  const code = uncommented(path, text)
  return Array.from({ length: text.length }, (_, i) =>
    text[i] === code[i] && text[i] !== '\n' ? ' ' : text[i],
  ).join('')
}

function isFile(paths: readonly string[], name: string): boolean {
  const source = name.replace(/^dist\//, '').replace(/\.js$/, '.ts')
  return [name, source].some((end) =>
    paths.some((path) => path === end || path.endsWith(`/${end}`)),
  )
}

function referencesResolve(tree: Tree): string[] {
  const wrong: string[] = []
  const paths = [...tree.keys()]
  const pages = [...tree].filter(([path]) => path.endsWith('.md') && !HISTORIES.includes(path))
  for (const [path, text] of [...within(tree, SOURCES, LANGUAGES), ...pages]) {
    const prose = proseOf(path, text)
    const complain = (at: number, what: string): void => {
      wrong.push(`${path}:${lineAt(prose, at)}: ${what}`)
    }
    for (const found of prose.matchAll(FILE)) {
      const name = found[1] as string
      if (!FOREIGN.test(name) && !isFile(paths, name)) complain(found.index, `no file ${name}`)
    }
    for (const found of prose.matchAll(SECTION)) {
      const page = tree.get(found[1] as string) ?? ''
      for (const section of `${found[2]}${found[3]}`.split(/, | and /)) {
        const isThere = new RegExp(`^#+ ${section.replaceAll('.', '\\.')}\\.? `, 'm').test(page)
        if (!isThere) complain(found.index, `no section ${section} in ${found[1]}`)
      }
    }
    if (!path.endsWith('.md')) continue
    for (const found of prose.matchAll(LINK)) {
      const target = posix.join(posix.dirname(path), found[1] as string).replace(/\/$/, '')
      if (!paths.some((other) => isWithin(other, [target]))) complain(found.index, `no ${target}`)
    }
  }
  return wrong
}

function citedBehavioursExist(tree: Tree): string[] {
  const wrong: string[] = []
  const ids = tableRows(tree.get(BEHAVIOURS) ?? '').map(([id]) => id ?? '')
  const doubled = ids.filter((id, i) => /^[A-Z]\d/.test(id) && ids.indexOf(id) !== i)
  for (const id of doubled) wrong.push(`${BEHAVIOURS}: ${id} has two rows`)
  for (const [path, text] of within(tree, ['test'], ['.ts'])) {
    if (isWithin(path, ['test/law'])) continue
    for (const found of text.matchAll(CITED)) {
      for (const id of (found[1] as string).split(', ')) {
        if (!ids.includes(id))
          wrong.push(`${path}:${lineAt(text, found.index)}: no behaviour ${id}`)
      }
    }
  }
  return wrong
}

t.test('every section, file and link that is named exists', async (t) => {
  t.same(referencesResolve(readTree()), [])
  const tree = new Map([
    ['docs/x.md', '## 1. One\n### 1.2 Two\nSee [one](../src/a/real.ts) and `a/real.ts`.\n'],
    ['src/a/real.ts', '/** docs/x.md 1, 1.2 */\n'],
  ])
  t.same(referencesResolve(tree), [])
  for (const text of ['/** docs/x.md 1.3 */', '/** as gone.ts does */', '// ../native/gone.h']) {
    t.equal(referencesResolve(new Map([...tree, ['src/c.ts', text]])).length, 1, text)
  }
  t.equal(referencesResolve(new Map([...tree, ['README.md', '[x](docs/gone)']])).length, 1)
})

t.test('every behaviour that a test cites has one row', async (t) => {
  t.same(citedBehavioursExist(readTree()), [])
  const tree = new Map([
    [BEHAVIOURS, '| id | behaviour |\n|---|---|\n| Q1 | one |\n'],
    ['test/unit/c.test.ts', "t.test('Q1, Q2: both', async () => {})"],
  ])
  t.equal(citedBehavioursExist(tree).length, 1)
})
