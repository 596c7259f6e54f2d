/**
 * The checkout as text: what the laws read, and how they read it.
 *
 * A law is a pure function from a `Tree` (paths to texts) to complaints, so that the same function
 * judges the real tree and a tree with a planted fault. Nothing here parses: comments and strings
 * are told from code letter by letter, and the rest is regular expressions over what remains. Every
 * mask keeps each letter's place, so that a match in it has the line of the original.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Paths relative to the root, with forward slashes, in order. */
export type Tree = ReadonlyMap<string, string>

const TEXTS = new Set([
  '.ts',
  '.js',
  '.cc',
  '.h',
  '.proto',
  '.md',
  '.json',
  '.toml',
  '.yml',
  '.yaml',
  '.gyp',
  '.sh',
  '',
])
const SKIPPED = new Set([
  'node_modules',
  'dist',
  'build',
  'generated',
  'prebuilds',
  'everwrite-data',
  'coverage',
])
/** Folders and files that begin with a dot and are ours. */
const DOTTED = new Set(['.ci', '.github', '.gitignore', '.oxlintrc.json', '.taprc'])

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('no package.json above the laws')
    folder = parent
  }
  return folder
}

export const ROOT: string = findRoot()

/** Every text of the checkout, without what is built, generated or installed. */
export function readTree(): Tree {
  const tree = new Map<string, string>()
  const visit = (folder: string): void => {
    const entries = readdirSync(join(ROOT, folder), { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (SKIPPED.has(entry.name)) continue
      if (entry.name.startsWith('.') && !DOTTED.has(entry.name)) continue
      const path = posix.join(folder, entry.name)
      if (entry.isDirectory()) visit(path)
      else if (TEXTS.has(extname(entry.name)))
        tree.set(path, readFileSync(join(ROOT, path), 'utf8'))
    }
  }
  visit('')
  return tree
}

/** The part of the tree below the folders (or equal to the files) in `places`, by extension. */
export function within(tree: Tree, places: readonly string[], extensions: readonly string[]): Tree {
  const part = new Map<string, string>()
  for (const [path, text] of tree) {
    if (isWithin(path, places) && extensions.includes(extname(path))) part.set(path, text)
  }
  return part
}

export function isWithin(path: string, places: readonly string[]): boolean {
  return places.some((place) => path === place || path.startsWith(`${place}/`))
}

export function lineAt(text: string, index: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i !== -1 && i < index; i = text.indexOf('\n', i + 1)) line += 1
  return line
}

const CODE = 0
const COMMENT = 1
const STRING = 2

interface Reading {
  readonly text: string
  readonly isScript: boolean
  /** One of the three above for each letter; quotes themselves are code. */
  readonly kinds: Uint8Array
  /** For each `${` that is open: how many braces are open inside it. */
  readonly holes: number[]
}

const readings = new Map<string, Uint8Array>()

function kindsOf(path: string, text: string): Uint8Array {
  const isScript = ['.ts', '.js'].includes(extname(path))
  const name = `${isScript}${text}`
  const known = readings.get(name)
  if (known !== undefined) return known
  const reading = { text, isScript, kinds: new Uint8Array(text.length), holes: [] }
  let at = 0
  if (text.startsWith('#!')) at = fill(reading, 0, endOf(text, '\n', 0), COMMENT)
  while (at < text.length) at = step(reading, at)
  readings.set(name, reading.kinds)
  return reading.kinds
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found === -1 ? text.length : found
}

function fill(reading: Reading, from: number, to: number, kind: number): number {
  reading.kinds.fill(kind, from, to)
  return Math.min(to, reading.text.length)
}

/** Marks what begins at `at`, and returns where the next thing begins. */
function step(reading: Reading, at: number): number {
  const { text, isScript, holes } = reading
  const letter = text.charAt(at)
  if (text.startsWith('//', at)) return fill(reading, at, endOf(text, '\n', at), COMMENT)
  if (text.startsWith('/*', at)) return fill(reading, at, endOf(text, '*/', at + 2) + 2, COMMENT)
  if (letter === '"' || letter === "'") return quoted(reading, at, letter)
  if (!isScript) return at + 1
  if (letter === '`') return template(reading, at + 1)
  if (letter === '/' && mayBePattern(text, at)) return pattern(reading, at)
  if (holes.length > 0 && letter === '{') holes[holes.length - 1] = (holes.at(-1) ?? 0) + 1
  if (holes.length > 0 && letter === '}') {
    if (holes.at(-1) === 0) {
      holes.pop()
      return template(reading, at + 1)
    }
    holes[holes.length - 1] = (holes.at(-1) ?? 0) - 1
  }
  return at + 1
}

function quoted(reading: Reading, at: number, quote: string): number {
  const { text, isScript } = reading
  // In C++ 1'000 is a number, and R"x(...)x" is a string without escapes.
  if (!isScript && quote === "'" && /[0-9][0-9a-fA-FxXbB']*$/.test(text.slice(at - 20, at))) {
    return at + 1
  }
  if (!isScript && quote === '"' && text.charAt(at - 1) === 'R') {
    const fence = text.slice(at + 1, endOf(text, '(', at))
    return fill(reading, at + 1, endOf(text, `)${fence}"`, at), STRING) + fence.length + 2
  }
  let end = at + 1
  while (end < text.length && text.charAt(end) !== quote && text.charAt(end) !== '\n') {
    end += text.charAt(end) === '\\' ? 2 : 1
  }
  return fill(reading, at + 1, end, STRING) + 1
}

function template(reading: Reading, at: number): number {
  const { text } = reading
  let end = at
  while (end < text.length && text.charAt(end) !== '`' && !text.startsWith('${', end)) {
    end += text.charAt(end) === '\\' ? 2 : 1
  }
  fill(reading, at, end, STRING)
  if (text.charAt(end) !== '$') return end + 1
  reading.holes.push(0)
  return end + 2
}

/** True where a slash begins a regular expression and does not divide. */
function mayBePattern(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 60), at).trimEnd()
  if (before === '' || '(,=:[!&|?{;+-*%~^<>'.includes(before.charAt(before.length - 1))) return true
  return /\b(?:return|typeof|case|in|of|throw|else|yield|await)$/.test(before)
}

function pattern(reading: Reading, at: number): number {
  const { text } = reading
  let isInClass = false
  let end = at + 1
  for (; end < text.length && text.charAt(end) !== '\n'; end++) {
    const letter = text.charAt(end)
    if (letter === '\\') end += 1
    else if (letter === '[') isInClass = true
    else if (letter === ']') isInClass = false
    else if (letter === '/' && !isInClass) break
  }
  return fill(reading, at + 1, end, STRING) + 1
}

function masked(path: string, text: string, isHidden: (kind: number) => boolean): string {
  const kinds = kindsOf(path, text)
  let result = ''
  for (let i = 0; i < text.length; i++) {
    const letter = text.charAt(i)
    result += letter !== '\n' && isHidden(kinds[i] ?? CODE) ? ' ' : letter
  }
  return result
}

/** The text with comments and the insides of strings and patterns blanked. */
export function codeOf(path: string, text: string): string {
  return masked(path, text, (kind) => kind !== CODE)
}

/** The text with comments blanked. */
export function uncommented(path: string, text: string): string {
  return masked(path, text, (kind) => kind === COMMENT)
}

/** One complaint a match of `pattern` (which is global) in `code`. */
export function complaints(
  path: string,
  code: string,
  mark: RegExp,
  sentence: (found: string) => string,
): string[] {
  return [...code.matchAll(mark)].map(
    (match) => `${path}:${lineAt(code, match.index)}: ${sentence(match[1] ?? match[0])}`,
  )
}

export interface Import {
  readonly line: number
  /** As written. */
  readonly specifier: string
  /** The path in the tree; undefined for packages and `node:`. */
  readonly target: string | undefined
  readonly isReexport: boolean
}

const NAMES = String.raw`(?:[\w$]+\s*,\s*)?(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})|[\w$]+`
const NAMED = new RegExp(
  String.raw`^[ \t]*(import|export)\s+(type\s+)?(${NAMES})\s*from\s*['"]([^'"]+)['"]`,
  'gm',
)
const BARE = /(?<!['"])\bimport\s*\(?\s*['"]([^'"]+)['"]/g

/** All imports of a TypeScript file: named, bare and dynamic, and exports from elsewhere. */
export function importsOf(path: string, text: string): Import[] {
  const visible = uncommented(path, text)
  const code = codeOf(path, text)
  const found: Import[] = []
  const add = (match: RegExpMatchArray, specifier: string, extra: Partial<Import>): void => {
    const start = (match.index ?? 0) + match[0].search(/\S/)
    if (code.charAt(start) === ' ') return // inside a string
    const target = specifier.startsWith('.')
      ? posix.join(posix.dirname(path), specifier)
      : undefined
    const line = lineAt(text, start)
    found.push({ line, specifier, target, isReexport: false, ...extra })
  }
  for (const match of visible.matchAll(NAMED)) {
    const verb = match[1]
    const specifier = match[4]
    add(match, specifier ?? '', { isReexport: verb === 'export' })
  }
  for (const match of visible.matchAll(BARE)) add(match, match[1] ?? '', {})
  return found
}

/** Where `word` stands quoted in `text`, comments aside. */
export function quotations(path: string, text: string, word: string): RegExpMatchArray[] {
  return [...uncommented(path, text).matchAll(new RegExp(`(['"])${word}\\1`, 'g'))]
}

/** The rows of every Markdown table, cells trimmed and free of backticks; the rule is left out. */
export function tableRows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.trim().startsWith('|') && !/^[\s|:-]+$/.test(line))
    .map((line) =>
      line
        .trim()
        .replace(/^\||\|$/g, '')
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
}
