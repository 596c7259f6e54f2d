/** Standard input, unless it is something that cannot be read. */
import { fstatSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { misuse } from './outcome.ts'

/** Throws `input-wrong` for a directory, which Node.js would take for an empty file. */
export function standardInput(): Readable {
  if (fstatSync(0).isDirectory()) {
    throw misuse('standard input is a directory: give a file or a pipe')
  }
  return process.stdin
}
