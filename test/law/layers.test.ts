/**
 * Imports point down, and every file is reached by a program.
 *
 * The order of the layers is the order in which the program can be read. The table below is the
 * whole of it: a file may import from its own folder and from every layer before its own, except
 * where `CLOSED` says less.
 */
import t from 'tap'
import { type Import, importsOf, isWithin, readTree, type Tree, within } from './source.ts'

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
  'engine.ts',
  'cli',
]

/** Inside `dynamo`, bottom to top: each idea knows only those before it. */
const IDEAS: readonly string[] = [
  'names.ts',
  'background-share.ts',
  'counter-ceiling.ts',
  'version',
  'buckets',
  'ring',
  'membership',
  'quorum',
  'handoff',
  'repair',
]

interface Closed {
  readonly from: string
  readonly to: string
  readonly reason: string
}

/** Imports that the order of the layers allows and that are forbidden all the same. */
const CLOSED: readonly Closed[] = [
  { from: 'world', to: 'limits.ts', reason: 'the world has types and promises, no bounds' },
  { from: 'native', to: 'world', reason: 'native code is arithmetic: it asks nothing outside' },
  { from: 'dynamo', to: 'world', reason: 'an idea has no clock, disk, network or chance' },
  { from: 'wire', to: 'store', reason: 'messages are independent of storage' },
  { from: 'node/coordinator', to: 'wire', reason: 'a second protocol calls it too' },
  { from: 'node/replica', to: 'wire', reason: 'copies belong to no protocol' },
  { from: 'client', to: 'node', reason: 'a client stands outside of every node' },
  { from: 'client', to: 'store', reason: 'a client keeps nothing on a disk' },
  { from: 'sim', to: 'host', reason: 'nothing simulated touches the real machine' },
  { from: 'index.ts', to: 'sim', reason: 'nothing that serves imports the simulator' },
]

/** Where programs begin: what cannot be reached from here is not used. */
const ROOTS: readonly string[] = [
  'src/index.ts',
  'src/cli/main.ts',
  'src/sim/index.ts',
  'src/engine.ts',
]
/** Built before the programs that will use them; struck as soon as one does. */
const AWAITED: Readonly<Record<string, string>> = {}
/** The only files that may export what another file made. */
const BARRELS: readonly string[] = ['src/index.ts', 'src/sim/index.ts', 'src/engine.ts']

function layerOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function ideaOf(path: string): string {
  return path.split('/')[2] ?? ''
}

function reasonOfClosed(path: string, target: string): string | undefined {
  const isFrom = ({ from }: Closed): boolean => isWithin(path, [`src/${from}`])
  return CLOSED.find((one) => isFrom(one) && one.to === layerOf(target))?.reason
}

/** The fault of one import; undefined if it has none. */
function faultOf(tree: Tree, path: string, found: Import): string | undefined {
  const target = found.target
  if (target === undefined) return undefined
  if (target.startsWith('src/wire/generated/')) return undefined
  if (!target.startsWith('src/')) return `imports ${target}, which is outside src`
  if (!tree.has(target)) return `imports ${target}, which is not there`
  const [from, to] = [layerOf(path), layerOf(target)]
  if (LAYERS.indexOf(to) > LAYERS.indexOf(from)) return `imports up: ${from} → ${to}`
  const reason = reasonOfClosed(path, target)
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

function reachedFrom(roots: readonly string[], graph: Map<string, string[]>): Set<string> {
  const reached = new Set<string>()
  const waiting = roots.filter((root) => graph.has(root))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    waiting.push(...(graph.get(path) ?? []))
  }
  return reached
}

function everyFileIsUsed(tree: Tree, awaited = AWAITED): string[] {
  const graph = graphOf(tree)
  const used = reachedFrom(ROOTS, graph)
  const reached = reachedFrom([...ROOTS, ...Object.keys(awaited)], graph)
  return [
    ...ROOTS.filter((root) => !tree.has(root)).map((root) => `${root}: is missing`),
    ...Object.keys(awaited)
      .filter((path) => used.has(path) || !graph.has(path))
      .map((path) => `${path}: a program reaches it, or it is gone: strike it from AWAITED`),
    ...[...graph.keys()]
      .filter((path) => !reached.has(path))
      .map((path) => `${path}: no program reaches it`),
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

const tree = readTree()

t.test('imports point down', async (t) => {
  t.same(importsPointDown(tree), [])
  const planted = new Map([
    ['src/node/node.ts', ''],
    ['src/wire/frame.ts', "// import { a } from '../node/node.ts'"],
    ['src/base/b.ts', "import type { Node } from '../node/node.ts'"],
    ['src/client/a.ts', "const x = await import('../node/node.ts')"],
    ['src/dynamo/version/a.ts', "import { gone } from './gone.ts'"],
    ['src/elsewhere/a.ts', ''],
  ])
  t.equal(importsPointDown(planted).length, 4)
})

t.test('no file is unused', async (t) => {
  t.same(everyFileIsUsed(tree), [])
  const roots: [string, string][] = ROOTS.map((root) => [root, ''])
  const planted = new Map([...roots, ['src/base/a.ts', '']])
  t.same(everyFileIsUsed(planted, {}), ['src/base/a.ts: no program reaches it'])
  t.same(everyFileIsUsed(planted, { 'src/base/a.ts': 'to come' }), [])
  t.equal(everyFileIsUsed(planted, { 'src/index.ts': 'there' }).length, 2)
})

t.test('a file exports only what it makes itself', async (t) => {
  t.same(exportsAreOwn(tree), [])
  t.equal(exportsAreOwn(new Map([['src/node/c.ts', "export { a } from './a.ts'"]])).length, 1)
})
