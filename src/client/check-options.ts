/**
 * Check the options that a program passes: each name is known, each value has the right type.
 *
 * TypeScript refuses a misspelt option; JavaScript ignores it, and a put with `replaces` for
 * `replace` would add a sibling. So every call checks the names too. The check is one look-up for
 * each option given, and nothing for a call without options.
 *
 * Ranges that a node checks as well (`r`, `w`, the length of a request id) are left to
 * `wire/bounds.ts`, which has a code for each.
 */
import { kindOf, unsent } from './failure.ts'

/** A longer name is cut in messages and compared with no other. */
const NAME_CHARS_MAX = 64

/** The values that one option may have. */
export interface Check {
  /** In a sentence: "timeout is ..., not 0". */
  readonly words: string
  isRight(value: unknown): boolean
}

/** A check for each option of `Options`. */
export type Checks<Options> = { readonly [Name in keyof Options]-?: Check }

/** Throws where options are wrong. */
export type OptionsCheck<Options> = (options: Options | undefined) => void

export const TIMEOUT: Check = {
  words: 'a number of milliseconds above 0',
  isRight: (value) => typeof value === 'number' && value > 0,
}

export const COUNT: Check = { words: 'a number', isRight: (value) => typeof value === 'number' }

export const WHOLE_ABOVE_0: Check = {
  words: 'a whole number above 0',
  isRight: (value) => Number.isSafeInteger(value) && (value as number) > 0,
}

export const TEXT: Check = { words: 'a string', isRight: (value) => typeof value === 'string' }

export const BYTES: Check = {
  words: 'a Uint8Array',
  isRight: (value) => value instanceof Uint8Array,
}

export const TEXT_OR_BYTES: Check = {
  words: 'a string or a Uint8Array',
  isRight: (value) => typeof value === 'string' || value instanceof Uint8Array,
}

export const CLAIM: Check = {
  words: 'true or false',
  isRight: (value) => typeof value === 'boolean',
}

/** Not by its class: a program may have another implementation of it. */
export const SIGNAL: Check = {
  words: 'an AbortSignal',
  isRight: (value) => {
    const signal = value as Partial<AbortSignal> | null
    return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'
  },
}

/** Checked by a function of its own. */
export const ANYTHING: Check = { words: 'anything', isRight: () => true }

/**
 * Makes the check of the options of `callee`. The check throws `config-wrong` for an option that is
 * unknown or has a value of a wrong type; an option that is undefined is as one left out.
 */
export function optionsCheck<Options>(
  callee: string,
  checks: Checks<Options>,
): OptionsCheck<Options> {
  const known = new Map<string, Check>(Object.entries(checks))
  return (options) => {
    if (options === undefined) return
    if (typeof options !== 'object' || options === null) {
      throw unsent(
        'config-wrong',
        `${callee} takes its options as an object, not ${shown(options)}`,
      )
    }
    for (const name in options) {
      const check = known.get(name)
      if (check === undefined)
        throw unsent('config-wrong', unknown(callee, name, [...known.keys()]))
      const value: unknown = options[name]
      if (value !== undefined && !check.isRight(value)) {
        const sentence = `the option ${name} of ${callee} is ${check.words}, not ${shown(value)}`
        throw unsent('config-wrong', sentence)
      }
    }
  }
}

function unknown(callee: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  const advice = near === undefined ? 'leave it out' : `did you mean ${near}?`
  const shownName = name.slice(0, NAME_CHARS_MAX)
  return `${shownName} is no option of ${callee}, which takes ${known.join(', ')}: ${advice}`
}

/** The known name that takes at most two changes of a character to write; undefined if none. */
function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > NAME_CHARS_MAX) return undefined
  let best: string | undefined
  let changesMax = Math.min(2, name.length - 1)
  for (const one of known) {
    const changes = changesBetween(name, one)
    if (changes > changesMax) continue
    best = one
    changesMax = changes - 1
  }
  return best
}

/** The least number of characters inserted, removed or replaced that makes `b` of `a`. */
function changesBetween(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const inserted = (current[column - 1] as number) + 1
      current.push(Math.min(replaced, inserted, (above[column] as number) + 1))
    }
    above = current
  }
  return above[b.length] as number
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : kindOf(value)
}
