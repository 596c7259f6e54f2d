/** The arguments that proofs of this folder take: whole numbers and names after `--name`. */
import { randomInt } from 'node:crypto'
import { CannotRun } from '../proof.ts'

const SEED_MAX = 2 ** 31

export interface Arguments {
  /** The number after `--name`, or `fallback`. */
  count(name: string, fallback: number): number
  text(name: string): string | undefined
  readonly seed: number
}

export function argumentsOf(args: readonly string[]): Arguments {
  const text = (name: string): string | undefined => {
    const at = args.indexOf(`--${name}`)
    return at < 0 ? undefined : args[at + 1]
  }
  const count = (name: string, fallback: number): number => {
    const value = text(name)
    if (value === undefined) return fallback
    if (!/^\d+$/.test(value)) throw new CannotRun(`--${name} takes a whole number, not ${value}`)
    return Number(value)
  }
  return { count, text, seed: count('seed', randomInt(SEED_MAX)) }
}
