/** `everwrite test-engine MODULE`: checks an engine against the storage contract. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { EXIT, EXIT_CODES_HELP, print } from '../outcome.ts'

export function addTestEngine(program: Command): void {
  program
    .command('test-engine')
    .argument('<module>', 'the file that exports the engine')
    .description('check a storage engine against the contract of engines')
    .addHelpText(
      'after',
      `
Example:
  $ everwrite test-engine ./journal.js

The engine runs on a simulated disk with power cuts and failing syncs. Files that it writes past the
directory it was given are not checked. How to write an engine: docs/write-an-engine.md
${EXIT_CODES_HELP}`,
    )
    .action(testEngine)
}

async function testEngine(path: string): Promise<void> {
  const { loadEngine } = await import('./engine-module.ts')
  const { CLAIMS, failureOf } = await import('../../store/conformance/claims.ts')
  const { simulatedSubject } = await import('../../sim/engine-subject.ts')
  const { name, open } = await loadEngine(resolve(path))
  let holding = 0
  for (const { claim, check } of CLAIMS) {
    const failure = await failureOf(check, simulatedSubject(open, 1))
    if (failure === undefined) holding += 1
    await print(failure === undefined ? `ok      ${claim}\n` : `FAILED  ${claim}\n${told(failure)}`)
  }
  await print(`${name}: ${holding} of ${CLAIMS.length} claims hold\n`)
  if (holding < CLAIMS.length) process.exitCode = EXIT.failed
}

/** The error with its stack, which leads into the engine or the claim. */
function told(failure: Error): string {
  const text = failure.stack ?? failure.message
  return `${text.replaceAll(/^/gm, '        ')}\n`
}
