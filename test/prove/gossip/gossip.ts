/**
 * Shows that members learn of changes and deaths, and of no death that is none (`src/dynamo/
 * membership` alone, over simulated connections in virtual time).
 *
 *     stalled  100 members for a day, of whose connections 20 % are stalled at any time
 *     calm     2,000 members for half an hour: how long changes and deaths take
 *     small    7 members for a day: 20 % of the packets are lost, one process has 5 % of its time
 *     late     the same for some hours while links ask for signs of life; and all others suspect
 *              one of five members that stops within 2 s
 *     bytes    what a node sends while nothing changes: the same with 100, 500 and 2,000 members
 *     starved  processes that get little of their processor accuse none that run well
 *     slow     members that read all 1.5 s late seldom accuse others
 *     paused   processes that stop for up to 4.9 s are not declared dead
 *     cut      two halves that changed apart are equal after they meet again
 *
 * What the bars do not say:
 * - A member is taken for dead after some 5 s. So two stops of one member are 200 ms apart at
 *   least: with less between them it cannot answer, and is away for longer than that.
 * - A starved process knows of its stops: the worker tells the view the delay of the event loop.
 *   One that reads late, and whose timers run in time, cannot know before it has failed. So `slow`
 *   may accuse: a fiftieth at most of what it would without local health.
 * - 7 members confirm a suspicion sooner than 100 do, so `small` has faults that pass in seconds:
 *   packets that TCP sends again, and stops of up to 3 s.
 * - One rule is not broken here: what is heard from a suspect begins its time anew. No short run
 *   misses without it, since the last question finds the same; its unit test does.
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
const BROKEN_BAR = 13

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
