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
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { BROKEN_RULES, tryBroken } from './broken-rules.ts'
import { FULL, type PartName, PARTS } from './parts.ts'

const SEED = 1
const BROKEN_BAR = 10

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
    const verdicts = names
      .filter((name) => only === undefined || name === only)
      .map((name) => (name === 'broken' ? breakRules() : runPart(name as PartName, seed)))
    return {
      isMet: verdicts.every(({ isMet }) => isMet),
      figure: verdicts.map(({ figure }) => figure).join('; '),
    }
  },
}

function runPart(name: PartName, seed: number): Verdict {
  const began = performance.now()
  const verdict = PARTS[name]({ ...FULL, seed }, say)
  const seconds = ((performance.now() - began) / 1_000).toFixed(0)
  say(`${name}: ${verdict.isMet ? 'met' : 'MISSED'} in ${seconds} s: ${verdict.figure}`)
  return verdict
}

function breakRules(): Verdict {
  let missed = 0
  for (const rule of BROKEN_RULES) {
    const { isMet, figure } = tryBroken(rule)
    say(`  ${rule.name}: ${isMet ? 'NOT FOUND' : 'found'}: ${figure}`)
    if (!isMet) missed += 1
  }
  const count = BROKEN_RULES.length
  return {
    isMet: missed === count && count >= BROKEN_BAR,
    figure: `${missed} of ${count} broken rules found (bar: all, at least ${BROKEN_BAR})`,
  }
}

function say(line: string): void {
  console.log(line)
}
