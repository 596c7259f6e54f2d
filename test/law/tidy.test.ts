/**
 * What a reader may count on in every file: a header, a width, a name, nothing left over. Sizes
 * are checked here for C++; the linter checks those of TypeScript.
 */
import { basename, extname } from 'node:path'
import t from 'tap'
import { codeOf, isWithin, lineAt, readTree, type Tree, within } from './source.ts'

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 60
const COLUMNS_MAX = 100

const PLACES = ['src', 'native', 'test', 'bench']
const LANGUAGES = ['.ts', '.cc', '.h']

/** Names that say nothing about what is inside, also as a part of a longer one. */
const EMPTY_NAMES = new Set([
  ...['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'type', 'types', 'interfaces'],
  ...['constants', 'manager', 'service', 'handler', 'impl'],
])

/** The one file that must spell what no other may. */
const LIST_OF_BANNED = 'test/law/tidy.test.ts'
const LEFTOVERS = /\b(?:FIXME|XXX|TODO|TBD)\b|\bnot[ -](?:yet )?implemented|\bt\.only\(/g

const MACHINE_PATH = /(?<![\w.$}~*-])\/(?:work|home|root|tmp)\//g
const REGISTRY = /"resolved":\s*"https?:|\/\/registry\.|\/\/npm\.pkg\./g

function headersOpenFiles(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, PLACES, LANGUAGES)) {
    // A unit test is about the source whose path it has, and that file says what it is.
    if (isWithin(path, ['test/unit']) && path.endsWith('.test.ts')) continue
    const opening = text.replace(/^#!.*\n/, '')
    const comment = /^(?:\/\*\*?|\/\/)\s*(?:\*\s*)?([^\n]*)/.exec(opening)?.[1] ?? ''
    if (!/[A-Za-z]{2}/.test(comment)) wrong.push(`${path}:1: opens without a header comment`)
  }
  return wrong
}

function sizesAreKept(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, [...PLACES, 'scripts'], [...LANGUAGES, '.js'])) {
    if (isWithin(path, ['test/golden'])) continue
    const lines = text.replace(/\n$/, '').split('\n')
    if (isWithin(path, ['native']) && lines.length > FILE_LINES_MAX) {
      wrong.push(`${path}: ${lines.length} lines, ${FILE_LINES_MAX} are enough`)
    }
    lines.forEach((line, index) => {
      const width = Array.from(line).length
      if (width > COLUMNS_MAX) wrong.push(`${path}:${index + 1}: ${width} columns wide`)
    })
  }
  return wrong
}

const CONTROL = /^(?:\}?\s*else\s+)?(?:if|for|while|switch|catch|do|try|else|case|default|return)\b/
const TYPE =
  /^(?:export\s+|abstract\s+)*(?:class|interface|type|namespace|struct|enum|union)\b(?!\s*\()/
const NATIVE_FUNCTION =
  /\)\s*(?:(?:const|noexcept|override|final|mutable|->\s*[^{}]+|:[^{}]*)\s*)*$/

function beginsFunction(head: string): boolean {
  const words = head.trim().replace(/^,\s*/, '')
  if (words === '' || CONTROL.test(words) || TYPE.test(words)) return false
  return NATIVE_FUNCTION.test(words)
}

interface Opening {
  readonly letter: string
  readonly headStart: number
  /** Where the function that this brace opens begins, if it opens one. */
  readonly functionStart: number | undefined
}

/** First and last line of every function in `code`. */
function functionsIn(code: string): [first: number, last: number][] {
  const found: [number, number][] = []
  const open: Opening[] = []
  let headStart = 0
  for (let i = 0; i < code.length; i++) {
    const letter = code.charAt(i)
    if ('([{'.includes(letter)) {
      const head = code.slice(headStart, i)
      const isFunction = letter === '{' && beginsFunction(head)
      const functionStart = isFunction ? headStart + head.search(/\S/) : undefined
      open.push({ letter, headStart, functionStart })
      headStart = i + 1
    } else if (')]}'.includes(letter)) {
      const opening = open.pop()
      if (opening?.functionStart !== undefined) {
        found.push([lineAt(code, opening.functionStart), lineAt(code, i)])
      }
      // After a block a new statement begins; after brackets, and inside them, the old one goes on.
      const isBlock = letter === '}' && (open.length === 0 || open.at(-1)?.letter === '{')
      headStart = isBlock ? i + 1 : (opening?.headStart ?? i + 1)
    } else if (letter === ';' || letter === '\n') headStart = i + 1
  }
  return found
}

function functionsFitScreens(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, ['native'], LANGUAGES)) {
    const code = codeOf(path, text).replace(/^[ \t]*#.*$/gm, (line) => ' '.repeat(line.length))
    for (const [first, last] of functionsIn(code)) {
      const lines = last - first + 1
      if (lines > FUNCTION_LINES_MAX) wrong.push(`${path}:${first}: a function of ${lines} lines`)
    }
  }
  return wrong
}

const NATIVE_NAME = /^[a-z0-9]+(?:_[a-z0-9]+)*\.(?:cc|h)$/

function namesSaySomething(tree: Tree): string[] {
  const wrong: string[] = []
  for (const path of within(tree, PLACES, LANGUAGES).keys()) {
    const name = basename(path)
    const parts = path.split(/[/._-]/)
    const empty = parts.find((part) => EMPTY_NAMES.has(part))
    if (empty !== undefined) wrong.push(`${path}: ${empty} says nothing about what is inside`)
    const isNative = extname(path) !== '.ts'
    if (isNative && !NATIVE_NAME.test(name)) wrong.push(`${path}: not snake case`)
    if (isWithin(path, ['native']) !== isNative) wrong.push(`${path}: not its place`)
  }
  return wrong
}

function nothingIsLeftOver(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, [...PLACES, 'scripts'], [...LANGUAGES, '.js'])) {
    if (path === LIST_OF_BANNED) continue
    for (const found of text.matchAll(LEFTOVERS)) {
      wrong.push(`${path}:${lineAt(text, found.index)}: ${found[0]} is left over`)
    }
  }
  return wrong
}

function nothingNamesMachine(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of tree) {
    if (path === LIST_OF_BANNED) continue
    for (const found of text.matchAll(MACHINE_PATH)) {
      wrong.push(`${path}:${lineAt(text, found.index)}: ${found[0]} is a path of one machine`)
    }
    for (const found of text.matchAll(REGISTRY)) {
      wrong.push(`${path}:${lineAt(text, found.index)}: names a registry`)
    }
  }
  return wrong
}

/** What a package may install must be locked, for every machine: else `npm ci` refuses to. */
function lockIsWhole(tree: Tree): string[] {
  const lock = JSON.parse(tree.get('package-lock.json') ?? '{}') as {
    packages?: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const wrong: string[] = []
  const locked = Object.entries(lock.packages ?? {})
  const names = new Set(locked.map(([path]) => path.split('node_modules/').at(-1)))
  for (const [path, { optionalDependencies }] of locked) {
    const missing = Object.keys(optionalDependencies ?? {}).filter((name) => !names.has(name))
    if (missing.length > 0) wrong.push(`package-lock.json: ${path}: lacks ${missing.join(', ')}`)
  }
  return wrong
}

const tree = readTree()

type Law = (tree: Tree) => string[]

/** Asserts that `law` objects to each text at that path. */
function objects(t: Tap, law: Law, planted: readonly (readonly [string, string])[]): void {
  for (const [path, text] of planted) {
    t.not(law(new Map([[path, text]])).length, 0, `${path}: ${text.slice(0, 60)}`)
  }
}
type Tap = Pick<typeof t, 'not' | 'same'>

t.test('every file opens with a header comment', async (t) => {
  t.same(headersOpenFiles(tree), [])
  objects(t, headersOpenFiles, [
    ['src/a.ts', "import { b } from './b.ts'\n/** Late. */\n"],
    ['native/a.cc', '//\n'],
  ])
})

t.test('files are narrow, and those of C++ short', async (t) => {
  t.same(sizesAreKept(tree), [])
  objects(t, sizesAreKept, [
    ['native/a.cc', 'x\n'.repeat(401)],
    ['src/a.ts', `// ${'x'.repeat(98)}\n`],
  ])
})

t.test('functions of C++ fit a screen', async (t) => {
  t.same(functionsFitScreens(tree), [])
  const body = (lines: number): string => `{\n${'  x += 1;\n'.repeat(lines - 2)}}`
  objects(t, functionsFitScreens, [
    ['native/a.cc', `namespace everwrite {\nA::A(int x) : x_(x), y_(0) ${body(61)}\n}`],
    ['native/a.cc', `auto f = [&](int x) ${body(61)};`],
  ])
  t.same(functionsFitScreens(new Map([['native/a.cc', `int f() const ${body(60)}`]])), [])
  t.same(functionsFitScreens(new Map([['native/a.cc', `struct A ${body(90)}`]])), [])
})

t.test('file names say something, and stand with their language', async (t) => {
  t.same(namesSaySomething(tree), [])
  objects(t, namesSaySomething, [
    ['src/node/error-handler.ts', ''],
    ['native/key-directory.cc', ''],
    ['src/md5.cc', ''],
  ])
})

t.test('nothing is left over', async (t) => {
  t.same(nothingIsLeftOver(tree), [])
  objects(t, nothingIsLeftOver, [
    ['native/a.cc', '// XXX\n'],
    ['test/a.test.ts', "t.only('x')\n"],
  ])
})

t.test('nothing names one machine, or where packages came from', async (t) => {
  t.same(nothingNamesMachine(tree), [])
  objects(t, nothingNamesMachine, [
    ['README.md', 'see /home/someone/main'],
    ['package-lock.json', '"resolved": "https://example.org/a.tgz"'],
  ])
  const calm = 'test/home/, ../tmp/x, $HOME/tmp/, ~/root/, /var/lib/everwrite'
  t.same(nothingNamesMachine(new Map([['README.md', calm]])), [])
})

t.test('the lock is whole', async (t) => {
  t.same(lockIsWhole(tree), [])
  const lock = { packages: { 'node_modules/a': { optionalDependencies: { '@b/linux': '1' } } } }
  objects(t, lockIsWhole, [['package-lock.json', JSON.stringify(lock)]])
})
