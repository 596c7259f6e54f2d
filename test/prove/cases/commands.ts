/** Cases of the command on a running cluster: text, bytes, pipes and backups. */
import { execFileSync, spawn } from 'node:child_process'
import {
  createReadStream,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { type Ended, everwrite, type ServedCluster } from '../../support/served-cluster.ts'
import { type Case, wrongUnless } from './case.ts'

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
/** The command as a shell has it. */
const COMMAND = `"${process.execPath}" "${PROGRAM}"`
const FULL = '/dev/full'

export function commandCases(cluster: ServedCluster, directory: string): readonly Case[] {
  const seeds = ['--seeds', cluster.seeds.join(',')]
  const run = (...argv: readonly string[]): Promise<Ended> => everwrite([...argv, ...seeds])
  const put = (...argv: readonly string[]): Promise<Ended> => run('put', ...argv)
  const file = (name: string): string => join(directory, name)
  const refused = async (ended: Promise<Ended>, code: string): Promise<string | undefined> => {
    const { code: exit, stderr } = await ended
    const isSentence = stderr.includes(`(${code})`) && !stderr.includes('    at ')
    return wrongUnless((exit === 2 || exit === 3) && isSentence, `exit ${exit}: ${stderr}`)
  }
  const cases: (readonly [string, string, () => Promise<string | undefined>])[] = [
    [
      'A12',
      "put b $'k\\xff'",
      () => refused(put('text', Buffer.from('k\xff', 'latin1').toString(), 'v'), 'input-wrong'),
    ],
    [
      'A12',
      'import of {"key":"i\\ud83d"}',
      async () => {
        writeFileSync(file('half.ndjson'), '{"key":"i\\ud83d","value":"x"}\n')
        return refused(run('import', file('half.ndjson'), '--bucket', 'text'), 'input-wrong')
      },
    ],
    [
      'A12',
      '--key64 and --value64',
      async () => {
        await put('bytes', '//8=', 'AP8=', '--key64', '--value64')
        const { stdout } = await run('get', 'bytes', '//8=', '--key64', '--json')
        return wrongUnless(stdout.includes('AP8'), stdout)
      },
    ],
    [
      'A13',
      'one binary value of 3.5 MB, exported and imported',
      async () => {
        const bytes = Buffer.alloc(3_500_000, 0xfe)
        await everwrite(['put', 'large', 'k', '-', ...seeds], { input: bytes })
        await run('export', file('large.ndjson'), '--bucket', 'large')
        await run('import', file('large.ndjson'), '--bucket', 'large2')
        const { stdout } = await run('get', 'large2', 'k', '--json')
        return wrongUnless(stdout.length > 4_000_000, `${stdout.length} characters came back`)
      },
    ],
    [
      'A13',
      'export onto a symlink, a FIFO and a file with its own mode',
      () => exported(run, file),
    ],
    [
      'A13',
      'gzip that comes byte by byte',
      async () => {
        const zipped = gzipSync('{"key":"zip","value":"zipped"}\n')
        const { code, stderr } = await dripped(['import', '-', '--bucket', 'zip', ...seeds], zipped)
        const { stdout } = await run('get', 'zip', 'zip')
        return wrongUnless(
          code === 0 && stdout.includes('zipped'),
          `exit ${code}: ${stderr}${stdout}`,
        )
      },
    ],
    [
      'A14',
      'while read k v; do everwrite put loop $k $v; done',
      async () => {
        writeFileSync(file('kv'), 'a 1\nb \nc 3\n')
        const script = `while read k v; do ${COMMAND} put loop $k $v ${seeds.join(' ')}; done < kv`
        const child = spawn('sh', ['-c', script], { cwd: directory, stdio: 'ignore' })
        await new Promise((resolve) => child.once('close', resolve))
        const { stdout } = await run('get', 'loop', 'c')
        return wrongUnless(stdout.includes('3'), 'the lines behind the empty value were eaten')
      },
    ],
    [
      'A14',
      '(sleep 1; echo v) | everwrite put b k -',
      async () => {
        const child = spawn(
          'sh',
          ['-c', `(sleep 1; echo late) | ${COMMAND} put late k - ${seeds.join(' ')}`],
          { stdio: 'ignore' },
        )
        await new Promise((resolve) => child.once('close', resolve))
        return wrongUnless(
          (await run('get', 'late', 'k')).stdout.includes('late'),
          'the value is not there',
        )
      },
    ],
    [
      'A14',
      '8 MiB through a pipe',
      async () => {
        const { code, stderr } = await everwrite(['put', 'pipe', 'k', '-', ...seeds], {
          input: Buffer.alloc(8 * 1024 * 1024, 'x'),
        })
        return wrongUnless(code === 0, stderr)
      },
    ],
    [
      'B1',
      'input that is a folder',
      () => refused(run('import', directory, '--bucket', 'b'), 'input-wrong'),
    ],
    [
      'B1',
      'a value from a folder',
      async () => {
        const child = spawn('sh', ['-c', `${COMMAND} put b k - ${seeds.join(' ')} < .`], {
          cwd: directory,
        })
        return refused(endOf(child), 'input-wrong')
      },
    ],
    [
      'B1',
      'output that cannot be written',
      async () => {
        await put('b', 'out', 'v')
        const child = spawn('sh', ['-c', `${COMMAND} get b out ${seeds.join(' ')} > ${FULL}`])
        return refused(endOf(child), 'system-failed')
      },
    ],
  ]
  return cases.map(([line, what, run]) => ({ line, what, run }))
}

async function exported(
  run: (...argv: readonly string[]) => Promise<Ended>,
  file: (name: string) => string,
): Promise<string | undefined> {
  await run('put', 'exported', 'k', 'v')
  mkdirSync(file('links'), { recursive: true })
  writeFileSync(file('links/target'), 'old', { mode: 0o640 })
  chmodSync(file('links/target'), 0o640)
  symlinkSync('target', file('links/link'))
  await run('export', file('links/link'), '--bucket', 'exported')
  if (!lstatSync(file('links/link')).isSymbolicLink()) return 'the link was replaced'
  if ((statSync(file('links/target')).mode & 0o777) !== 0o640) return 'the mode was lost'
  if (!readFileSync(file('links/target'), 'utf8').includes('"k"')) return 'the target is as it was'
  execFileSync('mkfifo', [file('links/fifo')])
  let through = ''
  const reader = createReadStream(file('links/fifo'), 'utf8').on(
    'data',
    (part) => (through += String(part)),
  )
  const closed = new Promise<void>((resolve) => {
    reader.once('close', () => resolve())
  })
  await run('export', file('links/fifo'), '--bucket', 'exported')
  await closed
  if (!lstatSync(file('links/fifo')).isFIFO()) return 'the FIFO was replaced'
  return wrongUnless(through.includes('"k"'), 'nothing came through the FIFO')
}

/** Runs the command with its input one byte at a time. */
async function dripped(argv: readonly string[], input: Uint8Array): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...argv])
  const ended = endOf(child)
  child.stdin.on('error', () => undefined)
  for (const byte of input) {
    child.stdin.write(Uint8Array.of(byte))
    await sleep(5)
  }
  child.stdin.end()
  return ended
}

function endOf(child: ReturnType<typeof spawn>): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (part) => (stdout += String(part)))
  child.stderr?.on('data', (part) => (stderr += String(part)))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}
