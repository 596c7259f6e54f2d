/**
 * The formatter would change nothing, and the linter has nothing to say.
 *
 * Both run as programs over the whole checkout, as `npm run check` runs them. `npm run format` does
 * what the first would; which rules the second keeps stands in .oxlintrc.json.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from './source.ts'

const TIMEOUT_MS = 120_000

/** Ends with 0 where there is nothing to complain about; what it printed, where there is. */
function run(program: string, args: readonly string[], cwd: string): string | 0 {
  // tap hands every child process a loader in NODE_OPTIONS, with which oxlint does not start.
  // oxlint looks for its half that knows types on the path, as npm sets it.
  const path = `PATH=${join(ROOT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`
  const bare = ['-u', 'NODE_OPTIONS', path, program]
  const options = { cwd, encoding: 'utf8', timeout: TIMEOUT_MS } as const
  const result = spawnSync('env', [...bare, ...args], options)
  if (result.error !== undefined) throw result.error
  return result.status === 0 ? 0 : `${result.stdout}${result.stderr}`
}

const format = (cwd: string): string | 0 => run('biome', ['format', '--reporter=summary'], cwd)
const lint = (cwd: string): string | 0 => run('oxlint', ['--type-aware', '--format=unix'], cwd)

/** A folder with our settings and one file, for as long as `look` looks at it. */
function planting(text: string, look: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-law-'))
  try {
    for (const name of ['biome.json', '.oxlintrc.json', '.gitignore']) {
      copyFileSync(join(ROOT, name), join(folder, name))
    }
    const compilerOptions = { strict: true, target: 'es2023', module: 'nodenext', types: [] }
    writeFileSync(join(folder, 'tsconfig.json'), `${JSON.stringify({ compilerOptions })}\n`)
    writeFileSync(join(folder, 'planted.ts'), text)
    look(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

t.test('the formatter would change nothing', async (t) => {
  t.equal(format(ROOT), 0)
  planting('export const x = "y"\n', (folder) => t.match(format(folder), /planted\.ts/))
})

t.test('the linter has nothing to say', async (t) => {
  t.equal(lint(ROOT), 0)
  const long = `export function f(): void {\n${'  wait()\n'.repeat(60)}}\n`
  planting(`async function wait(): Promise<void> {}\n${long}`, (folder) => {
    t.match(lint(folder), 'no-floating-promises')
    t.match(lint(folder), 'max-lines-per-function')
  })
})
