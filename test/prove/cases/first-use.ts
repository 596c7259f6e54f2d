/** Cases of a first use of the command: wrong options, wrong lines, ends, and what is shown. */
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Ended, everwrite, type ServedCluster } from '../../support/served-cluster.ts'
import { type Case, wrongUnless } from './case.ts'

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const LIMIT_MS = 20_000
const PUT_MS = 1_500

type Row = readonly [line: string, what: string, run: () => Promise<string | undefined>]

export function firstUseCases(cluster: ServedCluster, directory: string): readonly Case[] {
  const seeds = ['--seeds', cluster.seeds.join(',')]
  const run = (...argv: readonly string[]): Promise<Ended> => everwrite([...argv, ...seeds])
  const refused = async (ended: Promise<Ended>, said: string): Promise<string | undefined> => {
    const { code, stderr } = await ended
    return wrongUnless(code === 2 && stderr.includes(said), `exit ${code}: ${stderr}`)
  }
  const line = (what: string, text: string, said: string): Row => [
    'use2',
    what,
    () => {
      const file = join(directory, 'line.ndjson')
      writeFileSync(file, `${text}\n`)
      return refused(run('import', file, '--bucket', 'lines'), said)
    },
  ]
  const rows: readonly Row[] = [
    ['use1', 'import of a wrong line, its input open', () => wrongLine(seeds)],
    ['use1', 'ctrl-C during an import', () => interrupted(seeds)],
    ['use2', '--r x', () => refused(run('get', 'b', 'k', '--r', 'x'), 'quorum-wrong')],
    [
      'use2',
      '--sibling with --context',
      () => refused(run('put', 'b', 'k', 'v', '--sibling', '--context', 'AAAA'), 'input-wrong'),
    ],
    ['use2', 'EVERWRITE_SERVICE_HOST in the environment', () => unknownVariable(cluster)],
    line('a value that is a number', '{"key":"a","value":7}', 'is a number'),
    line('a byte order mark', '\ufeff{"key":"a","value":"b"}', 'byte order mark'),
    line('both key and key64', '{"key":"a","key64":"YQ==","value":"b"}', 'both "key" and'),
    [
      'use3',
      'everwrite fly --help',
      () => refused(everwrite(['fly', '--help']), "everwrite: unknown command 'fly'"),
    ],
    [
      'use3',
      'a key with control characters',
      async () => {
        await run('put', 'odd', 'a\u001b[2J', 'v')
        const { stdout } = await run('keys', 'odd')
        return wrongUnless(stdout === 'a\\u001b[2J\n', JSON.stringify(stdout))
      },
    ],
    [
      'use3',
      'status on 80 columns',
      async () => {
        const { stdout } = await run('status')
        const wide = stdout.split('\n').filter((row) => row.startsWith('node') && row.length > 80)
        return wrongUnless(wide.length === 0 && stdout.includes('free'), stdout)
      },
    ],
    ['use3', 'npx --no everwrite help', npxHelp],
  ]
  return rows.map(([name, what, check]) => ({ line: name, what, run: check }))
}

async function wrongLine(seeds: readonly string[]): Promise<string | undefined> {
  const { code, stderr } = await importing(seeds, '{"key":"a"}\n', undefined)
  return wrongUnless(code === 2 && stderr.includes('line 1 has no value'), `${code}: ${stderr}`)
}

async function interrupted(seeds: readonly string[]): Promise<string | undefined> {
  const { code, stderr } = await importing(seeds, '{"key":"a","value":"b"}\n', 'SIGINT')
  return wrongUnless(code === 130 && stderr.includes('1 record was put'), `${code}: ${stderr}`)
}

/** An import whose input stays open. */
function importing(
  seeds: readonly string[],
  text: string,
  signal: 'SIGINT' | undefined,
): Promise<Ended> {
  const argv = [PROGRAM, 'import', '--bucket', 'open', ...seeds]
  const child = spawn(process.execPath, argv, { timeout: LIMIT_MS, killSignal: 'SIGKILL' })
  child.stdin.on('error', () => undefined)
  child.stdin.write(text)
  if (signal !== undefined) setTimeout(() => child.kill(signal), PUT_MS)
  let stderr = ''
  child.stderr.on('data', (part) => (stderr += String(part)))
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, stdout: '', stderr }))
  })
}

async function unknownVariable(cluster: ServedCluster): Promise<string | undefined> {
  const argv = ['serve', '--check', '--config', cluster.config, '--name', 'node-1']
  const { code, stderr } = await everwrite([...argv, '--data', cluster.data(0)], {
    environment: { EVERWRITE_SERVICE_HOST: '10.0.0.1' },
  })
  const isWarned = stderr.includes('EVERWRITE_SERVICE_HOST')
  return wrongUnless(code === 0 && isWarned, `exit ${code}: ${stderr}`)
}

async function npxHelp(): Promise<string | undefined> {
  const root = fileURLToPath(new URL('../../../..', import.meta.url))
  const { stdout } = spawnSync('npx', ['--no', 'everwrite', 'help'], {
    cwd: root,
    encoding: 'utf8',
  })
  return wrongUnless(stdout.includes('Usage: everwrite'), stdout)
}
