/** Cases of starts: wrong places for data, wrong addresses, data that was spoilt. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'smol-toml'
import {
  CLUSTER_KEY_HEX,
  type Ended,
  everwrite,
  ServedCluster,
} from '../../support/served-cluster.ts'
import { freePorts } from '../../support/local-cluster.ts'
import { type Case, wrongUnless } from './case.ts'

const START_MS_MAX = 20_000
/** A file system that takes no directory, from root either. */
const READ_ONLY = '/proc/everwrite'

type Check = () => Promise<string | undefined>

export async function startCases(directory: string): Promise<readonly Case[]> {
  const [clientPort, peerPort] = (await freePorts(2)) as [number, number]
  const place = (name: string): string => join(directory, name)
  writeFileSync(place('cluster.key'), `${'07'.repeat(16)}\n`, { mode: 0o600 })
  writeFileSync(place('mounted.key'), `${'07'.repeat(16)}\n`, { mode: 0o444 })
  writeFileSync(place('file'), '')
  symlinkSync(place('loop-a'), place('loop-b'))
  symlinkSync(place('loop-b'), place('loop-a'))
  mkdirSync(place('folder.toml'))
  writeFileSync(place('garbled.toml'), Buffer.from([0xff, 0xfe, 0x00, 0x1b, 0x5b, 0x33]))
  const member = {
    name: 'node-1',
    host: '127.0.0.1',
    'client-port': clientPort,
    'peer-port': peerPort,
  }
  const table = {
    cluster: 'starts',
    name: 'node-1',
    'key-file': 'cluster.key',
    data: 'data',
    n: 1,
    r: 1,
    w: 1,
    members: [member],
  }
  writeFileSync(place('one.toml'), stringify(table))
  const serve = (...argv: readonly string[]): Promise<Ended> =>
    everwrite(['serve', '--config', place('one.toml'), ...argv], { limitMs: START_MS_MAX })
  const sentence = async (ended: Promise<Ended>, code: string): Promise<string | undefined> => {
    const { code: exit, stderr } = await ended
    const isRight =
      (exit === 2 || exit === 3) && stderr.includes(`(${code})`) && !stderr.includes('    at ')
    return wrongUnless(isRight, `exit ${exit}: ${stderr}`)
  }
  const data =
    (name: string): Check =>
    () =>
      sentence(serve('--data', place(name)), 'system-failed')
  const cases: (readonly [string, string, Check])[] = [
    ['B1', '--data below a file', data('file/x')],
    ['B1', '--data on a file', data('file')],
    ['B1', '--data through a loop of symlinks', data('loop-a/x')],
    ['B1', '--data with too long a name', data('x'.repeat(300))],
    [
      'B1',
      '--data where nothing can be written',
      () => sentence(serve('--data', READ_ONLY), 'system-failed'),
    ],
    [
      'B1',
      'an address that is foreign',
      () =>
        sentence(
          serve('--data', place('d1'), '--insecure', '--client-listen', '203.0.113.9:7400'),
          'address-wrong',
        ),
    ],
    [
      'B1',
      'an address that is unknown',
      () =>
        sentence(
          serve('--data', place('d2'), '--insecure', '--client-listen', 'nowhere.invalid:7400'),
          'address-wrong',
        ),
    ],
    [
      'B1',
      'a toml that is a folder',
      () => sentence(everwrite(['serve', '--config', place('folder.toml')]), 'config-wrong'),
    ],
    [
      'B1',
      'a toml that is garbled',
      async () => {
        const ended = await everwrite(['serve', '--config', place('garbled.toml')])
        if (ended.stderr.includes('\u001b[3')) return 'bytes of the file reach the terminal'
        return sentence(Promise.resolve(ended), 'config-wrong')
      },
    ],
    [
      'B1',
      'a key of mode 0444 without the option',
      () =>
        sentence(
          serve('--data', place('d3'), '--key-file', place('mounted.key')),
          'key-file-wrong',
        ),
    ],
    [
      'B1',
      'dev on a file',
      () => sentence(everwrite(['dev', '--data', place('file')]), 'system-failed'),
    ],
    ['A10', 'stop, change partitions in the file, start', () => otherPartitions(table, place)],
    ...spoilt(),
  ]
  return cases.map(([line, what, run]) => ({ line, what, run }))
}

/** The node's own data, refused under other partitions. */
async function otherPartitions(
  table: { readonly members: readonly object[] } & Record<string, unknown>,
  place: (name: string) => string,
): Promise<string | undefined> {
  const cluster = await ServedCluster.start({ nodes: 1 })
  try {
    await cluster.stopNode(0)
    const { members } = cluster
    const changed = { ...table, cluster: 'served', members, partitions: 512 }
    writeFileSync(place('more.toml'), stringify(changed))
    writeFileSync(place('more.key'), `${CLUSTER_KEY_HEX}\n`, { mode: 0o600 })
    const argv = ['--data', cluster.data(0), '--key-file', place('more.key')]
    const { code, stderr } = await everwrite(['serve', '--config', place('more.toml'), ...argv])
    const isTold = stderr.includes('256 partitions became 512') && stderr.includes('(ring-changed)')
    return wrongUnless(code === 3 && isTold, `exit ${code}: ${stderr}`)
  } finally {
    await cluster.stop()
  }
}

/** 200 values in segments of 8,192 bytes, and then a segment is spoilt. */
function spoilt(): readonly (readonly [string, string, Check])[] {
  const spoil = (how: (path: string) => void) => async (): Promise<string | undefined> => {
    const cluster = await ServedCluster.start({ nodes: 1, settings: { 'segment-bytes': 8192 } })
    try {
      const lines = Array.from({ length: 200 }, (_, i) =>
        JSON.stringify({ key: `key-${i}`, value: 'x'.repeat(100) }),
      )
      const input = new TextEncoder().encode(lines.join('\n'))
      const seeds = ['--seeds', cluster.seeds.join(',')]
      await everwrite(['import', '-', '--bucket', 'spoilt', ...seeds], { input })
      await cluster.stopNode(0)
      const check = [
        'check',
        '--config',
        cluster.config,
        '--name',
        'node-1',
        '--data',
        cluster.data(0),
      ]
      const before = await everwrite(check)
      if (before.code !== 0) return `sound data is not sound: ${before.stdout}${before.stderr}`
      const segments = readdirSync(cluster.data(0))
        .filter((name) => name.endsWith('.seg'))
        .sort()
      how(join(cluster.data(0), segments[2] as string))
      const after = await everwrite(check)
      if (after.code !== 4) return `check: exit ${after.code}: ${after.stdout}${after.stderr}`
      await cluster.startNode(0)
      const { code, stdout } = await everwrite(['status', ...seeds])
      return wrongUnless(
        code === 4 && stdout.includes('is damaged'),
        `status: exit ${code}: ${stdout}`,
      )
    } finally {
      await cluster.stop()
    }
  }
  return [
    ['A5', '200 values, rm of a middle segment', spoil((path) => rmSync(path))],
    ['A5', '200 values, a middle segment cut short', spoil((path) => truncateSync(path, 4096))],
    [
      'A5',
      '200 values, a middle segment zeroed',
      spoil((path) => {
        truncateSync(path, 2048)
        truncateSync(path, 8192)
      }),
    ],
  ]
}
