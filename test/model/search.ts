/**
 * Tries many histories, and prints the first that fails.
 */
import { runHistory } from './history.ts'
import type { Fault, Finding } from './oracle.ts'
import { type Broken, BROKEN } from './broken.ts'
import { RULES, type Rules } from './rules.ts'

export interface Found extends Finding {
  readonly seed: number
}

export interface Search {
  readonly from: number
  readonly count: number
  readonly rules: Rules
  /** Passes over all other faults. */
  readonly only?: Fault
}

/** The first of `count` histories from seed `from` on that went wrong. */
export function search({ from, count, rules, only }: Search): Found | undefined {
  for (let seed = from; seed < from + count; seed++) {
    const finding = runHistory(seed, rules)
    if (finding === undefined) continue
    if (only === undefined || finding.fault === only) return { ...finding, seed }
  }
  return undefined
}

/** Above twice what any loss takes from its first seed on: `unchanged-acked` takes 2,754. */
export const BROKEN_HISTORIES_MAX = 50_000

/** The history that shows what a shortcut loses; the same one every time. */
export function searchBroken({ rules, fault, from }: Broken): Found | undefined {
  return search({ from, count: BROKEN_HISTORIES_MAX, rules, only: fault })
}

/** The rules without the one named, or all of them; undefined where none is so called. */
export function rulesWithout(name: string | undefined): Rules | undefined {
  if (name === undefined) return RULES
  return Object.hasOwn(BROKEN, name) ? BROKEN[name]?.rules : undefined
}

/** One history in lines for people, and the command that tells it again. */
export function tellHistory(seed: number, rules: Rules, without?: string): string {
  const story: string[] = []
  const finding = runHistory(seed, rules, story)
  const verdict = finding === undefined ? 'nothing wrong' : describe(finding)
  const breaking = without === undefined ? '' : ` --without ${without}`
  const again = `npm run prove -- versions --replay ${seed}${breaking}`
  return [...story, `seed ${seed}: ${verdict}`, `tell it again: ${again}`].join('\n')
}

function describe({ fault, value }: Finding): string {
  switch (fault) {
    case 'lost':
      return `v${value} is lost: durable, replaced by no client that saw it, and gone`
    case 'missed':
      return `v${value} is missed: a get of R whole owners shows neither it nor what replaced it`
    case 'false-sibling':
      return `v${value} is a false sibling: a put whose client saw it stands beside it`
    case 'twins':
      return `v${value} stands twice: attempts of one request did not become one sibling`
    case 'order':
      return 'the same copies merged in another order differ'
    case 'start-spent':
      return 'a start was spent: a dot was about to be given twice'
  }
}
