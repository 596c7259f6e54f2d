/**
 * Every input that once lost, hid or changed a write, or ended without a sentence: one case each,
 * on real processes or shown by a named test.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServedCluster } from '../../support/served-cluster.ts'
import type { Proof } from '../proof.ts'
import type { Case } from './case.ts'
import { commandCases } from './commands.ts'
import { firstUseCases } from './first-use.ts'
import { fullDiskCases } from './full-disk.ts'
import { runningCases } from './running.ts'
import { startCases } from './starts.ts'
import { TESTED_CASES } from './tested.ts'
import { wireCases } from './wire.ts'

export const proof: Proof = {
  name: 'cases',
  shows: 'inputs that once lost or hid a write, or ended without a sentence, are all right',
  run: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'everwrite-cases-'))
    const [commands, starts] = [join(directory, 'commands'), join(directory, 'starts')]
    mkdirSync(commands)
    mkdirSync(starts)
    const cluster = await ServedCluster.start({ nodes: 3 })
    const wire = wireCases()
    try {
      const cases = [
        ...TESTED_CASES,
        ...commandCases(cluster, commands),
        ...firstUseCases(cluster, commands),
        ...(await startCases(starts)),
        ...runningCases(directory),
        ...fullDiskCases(directory),
        ...wire.cases,
      ]
      const wrong = await runAll(cases)
      const lines = new Set(cases.map(({ line }) => line))
      return {
        isMet: wrong === 0,
        figure:
          `${cases.length - wrong} of ${cases.length} cases are right (bar: all), of` +
          ` ${lines.size} lines`,
      }
    } finally {
      await cluster.stop()
      await wire.end()
      rmSync(directory, { recursive: true, force: true })
    }
  },
}

/** Prints a row for each case; the number of those that are wrong. */
async function runAll(cases: readonly Case[]): Promise<number> {
  let wrong = 0
  for (const one of cases) {
    const { line, what } = one
    const problem = await one.run().catch((error: unknown) => String(error))
    if (problem !== undefined) wrong += 1
    console.log(`${line.padEnd(4)} ${problem === undefined ? 'right' : 'WRONG'}  ${what}`)
    if (problem !== undefined) console.log(`            ${problem.trim()}`)
  }
  return wrong
}
