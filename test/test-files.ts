/** Which test files there are, and how to start some of them in a process below a test. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/** Processes that share the files of `check.ts`. */
export const SHARES = 4

/** Whether tap measures which lines are run. */
const IS_MEASURING = process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '1'

/** The test files in `folders` of this one, as paths within it. */
export function testFiles(folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.js'))
      .toSorted()
      .map((name) => join(folder, name)),
  )
}

/**
 * Runs a file of tests in a process of its own, beside others.
 *
 * tap gives every process below it a loader that notes which files are imported. Programs start
 * half as fast with it, and tests start thousands: they run without where nothing is measured.
 */
export function spawnTests(t: Test, args: readonly string[], name: string): void {
  const node = [process.execPath, '--enable-source-maps', ...args]
  const [command = '', ...rest] = IS_MEASURING ? node : ['env', '-u', 'NODE_OPTIONS', ...node]
  void t.spawn(command, rest, { buffered: true }, name)
}
