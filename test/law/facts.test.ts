/**
 * Every fact of world/trace.ts is noted somewhere: a fact that nobody notes is a promise to whoever
 * waits for it in a trace. (That no other fact is noted, the compiler sees.)
 */
import t from 'tap'
import { FACTS } from '../../src/world/trace.ts'
import { readTree, type Tree, uncommented, within } from './source.ts'

/** What is exempt, gathered under the reason why. */
type Exempt = Readonly<Record<string, readonly string[]>>

const TABLE = 'src/world/trace.ts'

/** Facts that nothing in src notes yet. */
const UNNOTED: Exempt = {
  'src/wire and src/node are still being written': [
    'client-connected',
    'connection-closed',
    'work-expired',
    'request-failed',
  ],
}

/** The first thing said to `note`, or a field `fact`; each may choose between two. */
function noting(fact: string): RegExp {
  return new RegExp(
    `(?:note\\(|\\bfact:)\\s*(?:[^'",]+\\?\\s*)?(?:'[\\w-]+'\\s*:\\s*)?'${fact}'`,
    'i',
  )
}

function factsAreNoted(facts: readonly string[], tree: Tree, unnoted = UNNOTED): string[] {
  const texts = [...within(tree, ['src'], ['.ts'])]
    .filter(([path]) => path !== TABLE)
    .map(([path, text]) => uncommented(path, text))
  const exempt = Object.values(unnoted).flat()
  const isNoted = (fact: string): boolean => texts.some((text) => noting(fact).test(text))
  const silent = facts.filter((fact) => !isNoted(fact) && !exempt.includes(fact))
  const stale = exempt.filter((fact) => !facts.includes(fact) || isNoted(fact))
  return [
    ...silent.map((fact) => `${fact}: nobody notes it`),
    ...stale.map((fact) => `${fact}: is noted or gone: strike it from UNNOTED`),
  ]
}

t.test('every fact is noted somewhere', async (t) => {
  t.same(factsAreNoted(Object.keys(FACTS), readTree()), [])
  const facts = ['rot-found', 'recovered']
  const silent = new Map([
    [TABLE, "note('rot-found'); note('recovered')"],
    ['src/a.ts', "// note('rot-found')\nthrow new OperatingError('recovered')"],
    ['test/a.ts', "note('rot-found'); note('recovered')"],
  ])
  t.equal(factsAreNoted(facts, silent, {}).length, 2)
  t.same(factsAreNoted(facts, silent, { later: facts }), [])
  t.equal(factsAreNoted(facts, silent, { later: [...facts, 'gone'] }).length, 1)
  const noted = new Map([['src/a.ts', "trace.note(isRot ? 'rot-found' : 'recovered', { at })"]])
  t.same(factsAreNoted(facts, noted, {}), [])
  t.equal(factsAreNoted(facts, noted, { later: ['recovered'] }).length, 1)
})
