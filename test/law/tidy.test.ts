/**
 * What a reader may count on in every file: a header, a size, a width, a name, nothing left over.
 *
 * The numbers stand below; STYLE.md gives the reasons. Lengths of functions are found by counting
 * braces, not by parsing: what stands before a brace in its line, brackets taken as one, is its
 * head, and a head that looks like a function's begins one.
 */
import { basename, extname } from 'node:path'
import t from 'tap'
import { codeOf, isWithin, lineAt, readTree, type Tree, within } from './source.ts'

const FILE_LINES_MAX = 400
const TEST_LINES_MAX = 600
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
/** Where a program speaks to a person. */
const SPEAKING = ['src/cli', 'bench', 'test/prove', 'scripts']

interface Leftover {
  readonly mark: RegExp
  /** True where strings and comments may hold it. */
  readonly isCode?: boolean
  readonly except: readonly string[]
}

const LEFTOVERS: readonly Leftover[] = [
  { mark: /\b(FIXME|XXX|TODO|TBD)\b/g, except: [] },
  { mark: /not[ -](?:yet )?implemented/gi, except: [] },
  { mark: /\bdebugger\b/g, isCode: true, except: [] },
  { mark: /\.only\(/g, isCode: true, except: [] },
  { mark: /\bconsole\.\w+/g, isCode: true, except: SPEAKING },
]

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
    const max = isWithin(path, ['test']) ? TEST_LINES_MAX : FILE_LINES_MAX
    if (lines.length > max) wrong.push(`${path}: ${lines.length} lines, ${max} are enough`)
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
const SCRIPT_FUNCTION = /=>\s*$|\bfunction\b[^{]*$|\)\s*(?::\s*[^=\s][^=]*)?$/
const NATIVE_FUNCTION =
  /\)\s*(?:(?:const|noexcept|override|final|mutable|->\s*[^{}]+|:[^{}]*)\s*)*$/

function beginsFunction(head: string, isScript: boolean): boolean {
  const words = head.trim().replace(/^,\s*/, '')
  if (words === '' || CONTROL.test(words) || TYPE.test(words)) return false
  return (isScript ? SCRIPT_FUNCTION : NATIVE_FUNCTION).test(words)
}

interface Opening {
  readonly letter: string
  readonly headStart: number
  /** Where the function that this brace opens begins, if it opens one. */
  readonly functionStart: number | undefined
}

/** First and last line of every function in `code`. */
function functionsIn(code: string, isScript: boolean): [first: number, last: number][] {
  const found: [number, number][] = []
  const open: Opening[] = []
  let headStart = 0
  for (let i = 0; i < code.length; i++) {
    const letter = code.charAt(i)
    if ('([{'.includes(letter)) {
      const head = code.slice(headStart, i)
      const isFunction = letter === '{' && beginsFunction(head, isScript)
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
  for (const [path, text] of within(tree, ['src', 'native', 'bench'], LANGUAGES)) {
    const isScript = extname(path) === '.ts'
    const code = isScript
      ? codeOf(path, text)
      : codeOf(path, text).replace(/^[ \t]*#.*$/gm, (line) => ' '.repeat(line.length))
    for (const [first, last] of functionsIn(code, isScript)) {
      const lines = last - first + 1
      if (lines > FUNCTION_LINES_MAX) wrong.push(`${path}:${first}: a function of ${lines} lines`)
    }
  }
  return wrong
}

const SCRIPT_NAME = /^(?:\d+\.\d+-)?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|bench))?\.ts$/
const NATIVE_NAME = /^[a-z0-9]+(?:_[a-z0-9]+)*\.(?:cc|h)$/

function namesSaySomething(tree: Tree): string[] {
  const wrong: string[] = []
  for (const path of within(tree, PLACES, LANGUAGES).keys()) {
    const name = basename(path)
    const parts = path.split(/[/._-]/)
    const empty = parts.find((part) => EMPTY_NAMES.has(part))
    if (empty !== undefined) wrong.push(`${path}: ${empty} says nothing about what is inside`)
    const shape = extname(path) === '.ts' ? SCRIPT_NAME : NATIVE_NAME
    if (!shape.test(name))
      wrong.push(`${path}: not ${shape === NATIVE_NAME ? 'snake' : 'kebab'} case`)
    if (isWithin(path, ['native']) !== (shape === NATIVE_NAME)) wrong.push(`${path}: not its place`)
  }
  return wrong
}

function nothingIsLeftOver(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, [...PLACES, 'scripts'], [...LANGUAGES, '.js'])) {
    if (path === LIST_OF_BANNED) continue
    const kept = LEFTOVERS.filter((leftover) => !isWithin(path, leftover.except))
    for (const { mark, isCode } of kept) {
      const where = isCode === true ? codeOf(path, text) : text
      for (const found of where.matchAll(mark)) {
        wrong.push(`${path}:${lineAt(text, found.index)}: ${found[0]} is left over`)
      }
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
    ['native/a.cc', '#include "a.h"\n// Late.\n'],
    ['test/a.test.ts', '/** */\n'],
    ['bench/a.ts', ''],
  ])
  const calm = new Map([
    ['src/a.ts', '/** What it is. */\n'],
    ['src/b.ts', '#!/usr/bin/env node\n/**\n * What it is.\n */\n'],
    ['native/a.h', '// What it is.\n'],
  ])
  t.same(headersOpenFiles(calm), [])
})

t.test('files are short and narrow', async (t) => {
  t.same(sizesAreKept(tree), [])
  objects(t, sizesAreKept, [
    ['src/a.ts', 'x\n'.repeat(401)],
    ['native/a.cc', 'x\n'.repeat(401)],
    ['test/a.test.ts', 'x\n'.repeat(601)],
    ['src/a.ts', `// ${'x'.repeat(98)}\n`],
    ['scripts/a.js', `// ${'x'.repeat(98)}\n`],
  ])
  const calm = new Map([
    ['src/a.ts', 'x\n'.repeat(400)],
    ['test/a.test.ts', 'x\n'.repeat(600)],
    ['src/b.ts', `// ${'→'.repeat(97)}\n`],
    ['test/golden/a.ts', 'x'.repeat(200)],
  ])
  t.same(sizesAreKept(calm), [])
})

t.test('functions fit a screen', async (t) => {
  t.same(functionsFitScreens(tree), [])
  const body = (lines: number): string => `{\n${'  x += 1\n'.repeat(lines - 2)}}`
  const scripts = (lines: number): string[] => [
    `function f() ${body(lines)}`,
    `export async function f(a: { b: 1 }): Promise<void> ${body(lines)}`,
    `const f = (x: number): number => ${body(lines)}`,
    `class A {\n  #x = 1\n  async get(key: string): Promise<number> ${body(lines)}\n}`,
    `class A {\n  constructor(x: number) ${body(lines)}\n}`,
    `on('x', (x) => ${body(lines)})`,
    `const a = { b: 1, c(x: number) ${body(lines)} }`,
  ]
  const natives = (lines: number): string[] => [
    `namespace everwrite {\nint f(int x) ${body(lines)}\n}`,
    `struct A {\n  int f() const ${body(lines)}\n};`,
    `A::A(int x) : x_(x), y_(0) ${body(lines)}`,
    `auto f = [&](int x) ${body(lines)};`,
    `template <class T>\nauto f(T x) -> int ${body(lines)}`,
  ]
  const each = (texts: string[], path: string): [string, string][] => texts.map((x) => [path, x])
  objects(t, functionsFitScreens, each(scripts(61), 'src/a.ts'))
  objects(t, functionsFitScreens, each(natives(61), 'native/a.cc'))
  for (const text of scripts(60)) t.same(functionsFitScreens(new Map([['src/a.ts', text]])), [])
  for (const text of natives(60)) t.same(functionsFitScreens(new Map([['native/a.cc', text]])), [])
  const long = [
    `class A extends B(C) ${body(90)}`,
    `const TABLE = ${body(90)}`,
    `const TABLE = make(${body(90)})`,
    `interface A ${body(90)}`,
    `export type A = ${body(90)}`,
    `const text = \`function f() ${body(90)}\``,
  ]
  for (const text of long) t.same(functionsFitScreens(new Map([['src/a.ts', text]])), [], text)
})

t.test('file names say something, in the case of their language', async (t) => {
  t.same(namesSaySomething(tree), [])
  objects(t, namesSaySomething, [
    ['src/base/utils.ts', ''],
    ['src/node/error-handler.ts', ''],
    ['src/common/a.ts', ''],
    ['native/key_manager.cc', ''],
    ['src/keyDirectory.ts', ''],
    ['src/key_directory.ts', ''],
    ['native/key-directory.cc', ''],
    ['src/md5.cc', ''],
    ['native/md5.ts', ''],
  ])
  const calm = new Map([
    ['src/a/vector-clock.ts', ''],
    ['test/paper/4.2-partitioning.test.ts', ''],
    ['bench/frame.bench.ts', ''],
    ['native/bind_key_directory.cc', ''],
  ])
  t.same(namesSaySomething(calm), [])
})

t.test('nothing is left over', async (t) => {
  t.same(nothingIsLeftOver(tree), [])
  objects(t, nothingIsLeftOver, [
    ['src/a.ts', '// FIXME: later\n'],
    ['native/a.cc', '// XXX\n'],
    ['src/a.ts', "throw new Error('not implemented')\n"],
    ['src/a.ts', 'debugger\n'],
    ['test/a.test.ts', "t.only('x')\n"],
    ['src/node/a.ts', 'console.log(1)\n'],
    ['test/a.test.ts', 'console.log(1)\n'],
  ])
  const calm = new Map([
    ['src/cli/a.ts', 'console.log(1)\n'],
    ['test/prove/a.ts', 'console.log(1)\n'],
    ['src/a.ts', '// 0xXXX is hexadecimal; what is the debugger for?\n'],
  ])
  t.same(nothingIsLeftOver(calm), [])
})

t.test('nothing names one machine, or where packages came from', async (t) => {
  t.same(nothingNamesMachine(tree), [])
  objects(t, nothingNamesMachine, [
    ['README.md', 'see /home/someone/main'],
    ['src/a.ts', "const path = '/tmp/x'"],
    ['.ci/run', 'cd /root/x'],
    ['protocol/README.md', '(/home/me/x)'],
    ['package-lock.json', '"resolved": "https://example.org/a.tgz"'],
    ['package.json', 'https://registry.example.org/'],
  ])
  const calm = new Map([
    ['README.md', 'test/home/, ../tmp/x, $HOME/tmp/, ~/root/, /var/lib/everwrite'],
    ['package-lock.json', '"version": "1.0.0", "funding": "https://example.org"'],
  ])
  t.same(nothingNamesMachine(calm), [])
})

t.test('the lock is whole', async (t) => {
  t.same(lockIsWhole(tree), [])
  const lock = (packages: object): Tree =>
    new Map([['package-lock.json', JSON.stringify({ packages })]])
  const a = { optionalDependencies: { '@b/linux': '1.0.0' } }
  t.equal(lockIsWhole(lock({ 'node_modules/a': a })).length, 1)
  t.same(lockIsWhole(lock({ 'node_modules/a': a, 'node_modules/@b/linux': {} })), [])
})
