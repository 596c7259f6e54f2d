/**
 * Imports point down and make no circle.
 *
 * The order of the layers is the order in which the program can be read. The table below is the
 * whole of it: a file may import from its own folder and from every layer before its own, except
 * where `CLOSED` says less.
 */
import t from 'tap'
import { type Import, importsOf, readTree, type Tree, within } from './source.ts'

/** Bottom to top. */
const LAYERS: readonly string[] = [
  'base',
  'limits.ts',
  'version.ts',
  'world',
  'native',
  'dynamo',
  'store',
  'wire',
  'config.ts',
  'node',
  'client',
  'host',
  'sim',
  'index.ts',
  'cli',
]

/** Inside `dynamo`, bottom to top: each idea knows only those before it. */
const IDEAS: readonly string[] = [
  'names.ts',
  'version',
  'ring',
  'membership',
  'quorum',
  'handoff',
  'repair',
]

interface Closed {
  readonly from: string
  readonly to: string
  /** What stays open: these files of `to`, for types alone. Nothing where it is missing. */
  readonly typesOf?: readonly string[]
  readonly reason: string
}

/** Doors that the order alone would leave open. */
const CLOSED: readonly Closed[] = [
  { from: 'world', to: 'limits.ts', reason: 'the world has types and promises, no bounds' },
  { from: 'native', to: 'world', reason: 'native code is arithmetic: it asks nothing outside' },
  { from: 'dynamo', to: 'world', reason: 'an idea has no clock, disk, network or chance' },
  {
    from: 'wire',
    to: 'store',
    typesOf: ['src/store/engine.ts'],
    reason: 'messages carry what the contract names, and know no engine',
  },
  { from: 'client', to: 'node', reason: 'a client stands outside of every node' },
  { from: 'client', to: 'store', reason: 'a client keeps nothing on a disk' },
  { from: 'sim', to: 'host', reason: 'nothing simulated touches the real machine' },
  { from: 'index.ts', to: 'sim', reason: 'nothing that serves imports the simulator' },
]

/** Where programs begin: what cannot be reached from here is not used. */
const ROOTS: readonly string[] = ['src/index.ts', 'src/cli/main.ts', 'src/sim/index.ts']
/** Roots that are still to be written; until they stand, nothing can be called unused. */
const UNWRITTEN: Readonly<Record<string, string>> = {}
/** The only files that may export what another file made. */
const BARRELS: readonly string[] = ['src/index.ts', 'src/sim/index.ts']

function layerOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function ideaOf(path: string): string {
  return path.split('/')[2] ?? ''
}

function isClosed(path: string, found: Import, target: string): string | undefined {
  const [from, to] = [layerOf(path), layerOf(target)]
  const closed = CLOSED.find((door) => door.from === from && door.to === to)
  if (closed === undefined) return undefined
  if (found.isTypeOnly && closed.typesOf?.includes(target)) return undefined
  return closed.reason
}

/** What is wrong with one import, if anything is. */
function faultOf(tree: Tree, path: string, found: Import): string | undefined {
  const target = found.target
  if (target === undefined) return undefined
  if (target.startsWith('src/wire/generated/')) return undefined
  if (!target.startsWith('src/')) return `imports ${target}, which is outside src`
  if (!tree.has(target)) return `imports ${target}, which is not there`
  const [from, to] = [layerOf(path), layerOf(target)]
  if (LAYERS.indexOf(to) > LAYERS.indexOf(from)) return `imports up: ${from} → ${to}`
  const reason = isClosed(path, found, target)
  if (reason !== undefined) return `${from} does not import ${target}: ${reason}`
  if (from === 'dynamo' && to === 'dynamo') {
    const [idea, other] = [ideaOf(path), ideaOf(target)]
    if (IDEAS.indexOf(other) > IDEAS.indexOf(idea)) return `imports up: ${idea} → ${other}`
  }
  return undefined
}

function importsPointDown(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, ['src'], ['.ts'])) {
    if (!LAYERS.includes(layerOf(path))) wrong.push(`${path}: ${layerOf(path)} is no layer`)
    if (layerOf(path) === 'dynamo' && !IDEAS.includes(ideaOf(path))) {
      wrong.push(`${path}: ${ideaOf(path)} is no idea`)
    }
    for (const found of importsOf(path, text)) {
      const fault = faultOf(tree, path, found)
      if (fault !== undefined) wrong.push(`${path}:${found.line}: ${fault}`)
    }
  }
  return wrong
}

function graphOf(tree: Tree): Map<string, string[]> {
  const graph = new Map<string, string[]>()
  for (const [path, text] of within(tree, ['src'], ['.ts'])) {
    const targets = importsOf(path, text).map((found) => found.target ?? '')
    graph.set(
      path,
      targets.filter((target) => tree.has(target)),
    )
  }
  return graph
}

/** Imports of types count too: two files that need one another are one file. */
function importsMakeNoCircle(tree: Tree): string[] {
  const graph = graphOf(tree)
  const done = new Set<string>()
  const trail: string[] = []
  const wrong: string[] = []
  const visit = (path: string): void => {
    const start = trail.indexOf(path)
    if (start !== -1) wrong.push(`a circle: ${[...trail.slice(start), path].join(' → ')}`)
    if (start !== -1 || done.has(path)) return
    trail.push(path)
    for (const target of graph.get(path) ?? []) visit(target)
    trail.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return wrong
}

function everyFileIsUsed(tree: Tree, unwritten = UNWRITTEN): string[] {
  const graph = graphOf(tree)
  const reached = new Set<string>()
  const waiting = ROOTS.filter((root) => tree.has(root))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    waiting.push(...(graph.get(path) ?? []))
  }
  const missing = ROOTS.filter((root) => !tree.has(root) && !Object.hasOwn(unwritten, root))
  const stale = Object.keys(unwritten).filter((root) => tree.has(root))
  const isWhole = ROOTS.every((root) => tree.has(root))
  const unused = isWhole ? [...graph.keys()].filter((path) => !reached.has(path)) : []
  return [
    ...missing.map((root) => `${root}: is missing`),
    ...stale.map((root) => `${root}: is written: strike it from UNWRITTEN`),
    ...unused.map((path) => `${path}: no program reaches it`),
  ]
}

function exportsAreOwn(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, ['src'], ['.ts'])) {
    if (BARRELS.includes(path)) continue
    if (path.endsWith('/index.ts')) wrong.push(`${path}: only src and src/sim have an index`)
    for (const found of importsOf(path, text)) {
      if (found.isReexport)
        wrong.push(`${path}:${found.line}: exports what ${found.specifier} made`)
    }
  }
  return wrong
}

function nothingIsDefault(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, ['src', 'test', 'bench'], ['.ts'])) {
    text.split('\n').forEach((line, index) => {
      if (/^export default\b|^export \{.*\bas default\b/.test(line)) {
        wrong.push(`${path}:${index + 1}: exports a default`)
      }
    })
  }
  return wrong
}

const tree = readTree()

t.test('imports point down', async (t) => {
  t.same(importsPointDown(tree), [])
  const object = (path: string, text: string): void => {
    const others: [string, string][] = [
      ['src/base/a.ts', ''],
      ['src/world/clock.ts', ''],
      ['src/node/node.ts', ''],
      ['src/host/disk.ts', ''],
      ['src/store/engine.ts', ''],
      ['src/store/log/log.ts', ''],
      ['src/sim/index.ts', ''],
      ['src/dynamo/ring/ring.ts', ''],
    ]
    const wrong = importsPointDown(new Map([...others, [path, text]]))
    t.equal(wrong.length, 1, `${path}: ${text}`)
  }
  object('src/base/b.ts', "import { node } from '../node/node.ts'")
  object('src/base/b.ts', "import type { Node } from '../node/node.ts'")
  object('src/base/b.ts', "const x = await import('../node/node.ts')")
  object('src/base/b.ts', "import {\n  one,\n  two,\n} from '../node/node.ts'")
  object('src/base/b.ts', "export * from '../node/node.ts'")
  object('src/base/b.ts', "import '../node/node.ts'")
  object('src/base/b.ts', "import { gone } from './gone.ts'")
  object('src/base/b.ts', "import { t } from './source.ts'")
  object('src/dynamo/version/a.ts', "import { Ring } from '../ring/ring.ts'")
  object('src/dynamo/ring/a.ts', "import type { Clock } from '../../world/clock.ts'")
  object('src/dynamo/chance/a.ts', '')
  object('src/elsewhere/a.ts', '')
  object('src/wire/a.ts', "import { open } from '../store/log.ts'")
  object('src/wire/a.ts', "import { Engine } from '../store/engine.ts'")
  object('src/client/a.ts', "import { HostDisk } from '../host/disk.ts'")
  object('src/client/a.ts', "import type { Node } from '../node/node.ts'")
  object('src/sim/a.ts', "import { HostDisk } from '../host/disk.ts'")
  object('src/host/a.ts', "import { simulate } from '../sim/index.ts'")
  object('src/index.ts', "export { simulate } from './sim/index.ts'")
})

t.test('what is allowed, and what only looks like an import, is let pass', async (t) => {
  const calm = new Map([
    ['src/base/a.ts', ''],
    ['src/store/engine.ts', "import { a } from '../base/a.ts'"],
    ['src/wire/a.ts', "import type { Engine } from '../store/engine.ts'"],
    ['src/wire/b.ts', "import { type Engine } from '../store/engine.ts'\nimport 'zod'"],
    ['src/base/b.ts', "// import { node } from '../node/node.ts'\nArray.from('../node/node.ts')"],
    ['src/base/c.ts', "const x = `\nimport { node } from '../node/node.ts'\n`"],
  ])
  t.same(importsPointDown(calm), [])
})

t.test('imports make no circle', async (t) => {
  t.same(importsMakeNoCircle(tree), [])
  const three = new Map([
    ['src/base/a.ts', "import { b } from './b.ts'"],
    ['src/base/b.ts', "import type { C } from './c.ts'"],
    ['src/base/c.ts', "import { a } from './a.ts'"],
  ])
  t.same(importsMakeNoCircle(three), [
    'a circle: src/base/a.ts → src/base/b.ts → src/base/c.ts → src/base/a.ts',
  ])
  t.equal(importsMakeNoCircle(new Map([['src/a.ts', "import { a } from './a.ts'"]])).length, 1)
})

t.test('no file is unused', async (t) => {
  t.same(everyFileIsUsed(tree), [])
  const roots: [string, string][] = ROOTS.map((root) => [root, ''])
  t.same(everyFileIsUsed(new Map([...roots, ['src/base/a.ts', '']]), {}), [
    'src/base/a.ts: no program reaches it',
  ])
  t.same(everyFileIsUsed(new Map(roots.slice(1)), {}), ['src/index.ts: is missing'])
  t.same(everyFileIsUsed(new Map(roots.slice(1)), { 'src/index.ts': 'later' }), [])
  t.equal(everyFileIsUsed(new Map(roots), { 'src/index.ts': 'later' }).length, 1)
  const used: [string, string][] = [
    ['src/cli/main.ts', "await import('./get.ts')"],
    ['src/cli/get.ts', "import { a } from '../base/a.ts'"],
    ['src/base/a.ts', ''],
  ]
  t.same(everyFileIsUsed(new Map([...roots, ...used]), {}), [])
})

t.test('nobody hands on what another file made, and nothing is exported as default', async (t) => {
  t.same(exportsAreOwn(tree), [])
  t.same(nothingIsDefault(tree), [])
  const handed = "export { a } from './a.ts'\nexport type * from './b.ts'"
  t.equal(exportsAreOwn(new Map([['src/node/c.ts', handed]])).length, 2)
  t.equal(exportsAreOwn(new Map([['src/node/index.ts', '']])).length, 1)
  t.same(exportsAreOwn(new Map([['src/index.ts', handed]])), [])
  const defaults = 'export default class A {}\nexport { a as default }\n'
  t.equal(nothingIsDefault(new Map([['src/a.ts', defaults]])).length, 2)
})
