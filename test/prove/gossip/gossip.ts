/**
 * Shows that members learn of changes and deaths, and of no death that is none (`src/dynamo/
 * membership` alone, over simulated connections in virtual time).
 *
 *     calm     2,000 members for half an hour: how long changes and deaths take
 *     bytes    what a node sends while nothing changes: the same with 100, 500 and 2,000 members
 *     stalled  100 members for a day, of whose connections 20 % are stalled at any time
 *     starved  processes that get little of their processor accuse none that run well
 *     paused   processes that stop for some seconds are not declared dead
 *     cut      two halves that changed apart are equal after they meet again
 *
 * `--only PART` runs one of them, `--seed S` draws other numbers (1). Then the rules are broken one
 * by one, in copies of the build, and a part must miss its bar each time.
 */
import { argumentsOf } from '../machine/options.ts'
import { ROOT } from '../plants/place.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { BROKEN_RULES, tryBroken } from './broken-rules.ts'
import { runPart } from './part-process.ts'
import { type PartName, PARTS } from './parts.ts'

const SEED = 1
const BROKEN_BAR = 9

export const proof: Proof = {
  name: 'gossip',
  shows: 'news reaches all members at a constant cost, and no live member is declared dead',
  usage: `[--only ${Object.keys(PARTS).join('|')}|broken] [--seed S]`,
  run: async (args) => {
    const given = argumentsOf(args)
    const only = given.text('only')
    const seed = given.count('seed', SEED)
    const names = [...Object.keys(PARTS), 'broken']
    if (only !== undefined && !names.includes(only)) {
      throw new CannotRun(`--only takes one of ${names.join(', ')}, not ${only}`)
    }
    const verdicts = await inPairs(
      names.filter((name) => only === undefined || name === only),
      (name) => (name === 'broken' ? breakRules() : measure(name as PartName, seed)),
    )
    return {
      isMet: verdicts.every(({ isMet }) => isMet),
      figure: verdicts.map(({ figure }) => figure).join('; '),
    }
  },
}

/** Two at a time, in this order; the results too. */
async function inPairs<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++
      results[at] = await run(items[at] as Item)
    }
  }
  await Promise.all([worker(), worker()])
  return results
}

async function measure(name: PartName, seed: number): Promise<Verdict> {
  const began = performance.now()
  const lines: string[] = []
  const verdict = await runPart(name, 'full', seed, ROOT, (line) => lines.push(line))
  const seconds = ((performance.now() - began) / 1_000).toFixed(0)
  for (const line of lines) say(line)
  say(`${name}: ${verdict.isMet ? 'met' : 'MISSED'} in ${seconds} s: ${verdict.figure}`)
  return verdict
}

async function breakRules(): Promise<Verdict> {
  let found = 0
  for (const rule of BROKEN_RULES) {
    const { isMet, figure } = await tryBroken(rule)
    say(`  ${rule.name}: ${isMet ? 'NOT FOUND' : 'found'}: ${figure}`)
    if (!isMet) found += 1
  }
  const count = BROKEN_RULES.length
  return {
    isMet: found === count && count >= BROKEN_BAR,
    figure: `${found} of ${count} broken rules found (bar: all, at least ${BROKEN_BAR})`,
  }
}

function say(line: string): void {
  console.log(line)
}
