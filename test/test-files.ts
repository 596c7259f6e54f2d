/** Which test files there are, and how to start some of them in a process below a test. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/** Folders whose files need no process of their own: they start none that take long. */
const SHARING = ['golden', 'law', 'unit']
/** `npm run check` runs the formatter and the linter by themselves. */
const FORMAT = 'law/format.test.js'
/** Processes that divide the files among themselves. */
export const SHARES = 4

/** Whether tap measures which lines are run. */
const IS_MEASURING = process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '1'

/** All test files, as paths within this folder. */
function testFiles(): readonly string[] {
  const names = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.test.js')).toSorted()
}

function isSharing(path: string): boolean {
  return path !== FORMAT && SHARING.some((folder) => path.startsWith(join(folder, '/')))
}

/** Files that share a process with others: those of one share. */
export function filesOfShare(share: number): readonly string[] {
  const files = testFiles().filter(isSharing)
  return files.filter((_, index) => index % SHARES === share)
}

/** Files that have a process of their own: all that are in no share. */
export function otherFiles(): readonly string[] {
  return testFiles().filter((path) => !isSharing(path))
}

/**
 * Runs a file of tests in a process of its own, beside others.
 *
 * tap gives every process below it a loader that notes which files are imported. A command takes
 * four times as long to start with it, and tests start thousands: they run without it where nothing
 * is measured.
 */
export function spawnTests(t: Test, args: readonly string[], name: string): void {
  const node = [process.execPath, '--enable-source-maps', ...args]
  const [command = '', ...rest] = IS_MEASURING ? node : ['env', '-u', 'NODE_OPTIONS', ...node]
  void t.spawn(command, rest, { buffered: true }, name)
}
