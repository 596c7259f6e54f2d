/**
 * Every fact of world/trace.ts is recorded somewhere: a test that waits for any other would wait
 * for ever. (That no other fact is recorded, the compiler sees.)
 */
import t from 'tap'
import { FACTS } from '../../src/world/trace.ts'
import { readTree, type Tree, uncommented, within } from './source.ts'

/** What is exempt, gathered under the reason why. */
type Exempt = Readonly<Record<string, readonly string[]>>

const TABLE = 'src/world/trace.ts'

/** Facts that nothing in src records yet. */
const UNRECORDED: Exempt = {
  'src/wire and src/node are still being written': [
    'client-connected',
    'connection-closed',
    'request-failed',
  ],
}

/** The first thing passed to `record`, or a field `fact`; each may choose between two. */
function recording(fact: string): RegExp {
  return new RegExp(
    `(?:record\\(|\\bfact:)\\s*(?:[^'",]+\\?\\s*)?(?:'[\\w-]+'\\s*:\\s*)?'${fact}'`,
    'i',
  )
}

function factsAreRecorded(facts: readonly string[], tree: Tree, unrecorded = UNRECORDED): string[] {
  const texts = [...within(tree, ['src'], ['.ts'])]
    .filter(([path]) => path !== TABLE)
    .map(([path, text]) => uncommented(path, text))
  const exempt = Object.values(unrecorded).flat()
  const isRecorded = (fact: string): boolean => texts.some((text) => recording(fact).test(text))
  const silent = facts.filter((fact) => !isRecorded(fact) && !exempt.includes(fact))
  const stale = exempt.filter((fact) => !facts.includes(fact) || isRecorded(fact))
  return [
    ...silent.map((fact) => `${fact}: is never recorded`),
    ...stale.map((fact) => `${fact}: is recorded or gone: strike it from UNRECORDED`),
  ]
}

t.test('every fact is recorded somewhere', async (t) => {
  t.same(factsAreRecorded(Object.keys(FACTS), readTree()), [])
  const planted = new Map([
    ['src/a.ts', "trace.record(isRot ? 'rot-found' : 'recovered', { at })"],
    ['src/b.ts', "// record('synced')"],
  ])
  const facts = ['rot-found', 'recovered', 'synced']
  t.same(factsAreRecorded(facts, planted, {}), ['synced: is never recorded'])
  t.equal(factsAreRecorded(facts, planted, { later: ['recovered', 'synced'] }).length, 1)
})
