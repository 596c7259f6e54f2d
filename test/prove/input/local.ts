/** Wrong options of the client library, wrong command lines, wrong configurations. */
import { nodeId } from '../../../src/dynamo/names.ts'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parse, stringify, type TomlTable } from 'smol-toml'
import { bytes, type ConnectOptions, connect, SealedContext, json } from '../../../src/index.ts'
import { identityText } from '../../../src/store/identity.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { everwrite } from '../../support/served-cluster.ts'
import { codeOf, type Lab, OTHER_TOKEN, type Row, rowsOf } from './row.ts'

/** Longer than any command of the table takes. */
const COMMAND_MS_MAX = 60_000

export function optionRows({ cluster, other, client }: Lab): readonly Row[] {
  const seeds = cluster.seeds
  const shut = other.seeds
  const fast = { connectTimeout: 2_000, timeout: 2_000 }
  const dial = (options: unknown) => () =>
    codeOf(async () => {
      await (await connect({ ...fast, ...(options as ConnectOptions) })).close()
    })
  const bucket = client.bucket('wrong', { codec: bytes })
  const value = new Uint8Array(1)
  const run = (work: () => unknown) => () => codeOf(work)
  const context = SealedContext.parse('')
  const contexts = Array.from({ length: 17 }, () => SealedContext.parse('abcd'))
  return rowsOf('option', [
    ['no seeds', 'config-wrong', dial({ seeds: [] })],
    ['seeds left out', 'config-wrong', dial({})],
    ['a seed that is no address', 'config-wrong', dial({ seeds: ['a b:c'] })],
    ['a seed with port 70000', 'config-wrong', dial({ seeds: ['127.0.0.1:70000'] })],
    ['timeout 0', 'config-wrong', dial({ seeds, timeout: 0 })],
    ['timeout NaN', 'config-wrong', dial({ seeds, timeout: Number.NaN })],
    ['attemptTimeout as text', 'config-wrong', dial({ seeds, attemptTimeout: '5' })],
    ['callsMax -1', 'config-wrong', dial({ seeds, callsMax: -1 })],
    ['an option that is unknown', 'config-wrong', dial({ seeds, tiemout: 5 })],
    ['waitingMax -1', 'config-wrong', dial({ seeds, waitingMax: -1 })],
    ['a signal that is none', 'config-wrong', dial({ seeds, signal: {} })],
    ['a signal that is aborted', 'aborted', dial({ seeds, signal: AbortSignal.abort() })],
    ['a seed where no node listens', 'not-connected', dial({ seeds: ['127.0.0.1:9'] })],
    ['a seed that is a peer port', 'handshake-expected', dial({ seeds: [peerSeed(cluster)] })],
    ['another cluster', 'wrong-cluster', dial({ seeds, cluster: 'nowhere' })],
    ['no token', 'token-wrong', dial({ seeds: shut })],
    ['an empty token', 'config-wrong', dial({ seeds: shut, token: '' })],
    ['a token of 1,025 bytes', 'config-wrong', dial({ seeds: shut, token: 'x'.repeat(1025) })],
    ['a token that is not asked for', 'token-wrong', dial({ seeds, token: OTHER_TOKEN })],
    ['the right token', 'taken', dial({ seeds: shut, token: OTHER_TOKEN })],
    ['no bucket name', 'bucket-wrong', run(() => client.bucket(''))],
    ['a bucket name of 256 bytes', 'bucket-wrong', run(() => client.bucket('b'.repeat(256)))],
    ['an empty key', 'key-wrong', run(() => bucket.get(''))],
    ['a key of 4,097 bytes', 'key-wrong', run(() => bucket.get('k'.repeat(4097)))],
    ['a number as key', 'key-wrong', run(() => bucket.get(7 as never))],
    [
      'a value of 8 MiB and a byte',
      'value-too-long',
      run(() => bucket.put('k', new Uint8Array(2 ** 23 + 1))),
    ],
    ['a string as bytes', 'input-wrong', run(() => bucket.put('k', 'text' as never))],
    ['a number as text', 'input-wrong', run(() => client.put('k', 7 as never))],
    [
      'nothing as JSON',
      'input-wrong',
      run(() => client.bucket('wrong', { codec: json() }).put('k', undefined)),
    ],
    [
      'bytes read as text',
      'value-unreadable',
      run(async () => {
        await bucket.put('no text', Uint8Array.of(0xff), { replace: 'seen' })
        return client
          .bucket('wrong')
          .get('no text')
          .then(({ siblings }) => siblings)
      }),
    ],
    ['r = 17', 'quorum-wrong', run(() => bucket.get('k', { r: 17 }))],
    ['r = 1.5', 'quorum-wrong', run(() => bucket.get('k', { r: 1.5 }))],
    ['r = 4 of 3 copies', 'quorum-wrong', run(() => bucket.get('k', { r: 4 }))],
    ['w = -1', 'quorum-wrong', run(() => bucket.put('k', value, { w: -1 }))],
    ['w = 4 of 3 copies', 'quorum-wrong', run(() => bucket.put('k', value, { w: 4 }))],
    [
      'a request id of 3 bytes',
      'request-id-wrong',
      run(() => bucket.put('k', value, { requestId: new Uint8Array(3) })),
    ],
    ['a timeout of -1', 'config-wrong', run(() => bucket.get('k', { timeout: -1 }))],
    [
      'a put with replaces',
      'config-wrong',
      run(() => bucket.put('k', value, { replaces: 'seen' } as never)),
    ],
    [
      'a context as text',
      'config-wrong',
      run(() => bucket.put('k', value, { context: 'abcd' } as never)),
    ],
    ['r as text', 'config-wrong', run(() => bucket.get('k', { r: '2' } as never))],
    ['options that are none', 'config-wrong', run(() => bucket.get('k', 5 as never))],
    ['text that is no context', 'context-garbled', run(() => SealedContext.parse('a+b'))],
    [
      'a context that is none',
      'context-garbled',
      run(() => bucket.put('k', value, { context: SealedContext.parse('abcd') })),
    ],
    ['17 contexts', 'contexts-too-many', run(() => bucket.put('k', value, { contexts }))],
    ['an empty context is none', 'taken', run(() => bucket.put('empty', value, { context }))],
    ['a delete of nothing named', 'input-wrong', run(() => bucket.delete('k', {}))],
    ['a cursor that is none', 'cursor-wrong', run(() => first(bucket.keys({ cursor: '*' })))],
    ['a cursor of 3 bytes', 'cursor-wrong', run(() => first(bucket.keys({ cursor: 'abcd' })))],
    ['an unknown member', 'input-wrong', run(() => client.status('node-9'))],
    ['an aborted signal', 'aborted', run(() => bucket.get('k', { signal: AbortSignal.abort() }))],
    ['a closed client', 'closed', () => closedClient(seeds)],
    ['a second call where one may be', 'overloaded', () => crowdedClient(seeds)],
  ])
}

function peerSeed(cluster: Lab['cluster']): string {
  return `127.0.0.1:${cluster.peerAddress(0).port}`
}

async function first<T>(items: AsyncIterable<T>): Promise<void> {
  for await (const _ of items) return
}

async function closedClient(seeds: readonly string[]): Promise<string> {
  const client = await connect({ seeds })
  await client.close()
  return codeOf(() => client.get('k'))
}

async function crowdedClient(seeds: readonly string[]): Promise<string> {
  await using client = await connect({ seeds, callsMax: 1, waitingMax: 0 })
  const [, second] = await Promise.all([client.get('k'), codeOf(() => client.get('k'))])
  return second
}

/** `exit 2 input-wrong`: the code that stands in brackets at the end of what a command says. */
async function commanded(
  argv: readonly string[],
  input?: Uint8Array,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { input, environment, limitMs: COMMAND_MS_MAX }
  const { code, stderr } = await everwrite(argv, options)
  const json = /^\{"error":\{"code":"([a-z-]+)"/m.exec(stderr)?.[1]
  const plain = /\(([a-z]+(?:-[a-z]+)+)\)\s*$/.exec(stderr)?.[1]
  const isUsage = /^everwrite: .*\n\(everwrite help /m.test(stderr) || /^Usage: /m.test(stderr)
  return ['exit', code, json ?? plain ?? (isUsage ? 'usage' : 'silent')].join(' ')
}

export function commandRows(lab: Lab): readonly Row[] {
  const { cluster, directory } = lab
  const seeds = ['--seeds', cluster.seeds.join(',')]
  const run =
    (...argv: readonly string[]) =>
    () =>
      commanded(argv)
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(directory, name)
    writeFileSync(path, content)
    return path
  }
  const lines = (content: string | Uint8Array, name: string) => () =>
    commanded(['import', file(name, content), '--bucket', 'wrong', ...seeds])
  const half = gzipSync('{"key":"a","value":"b"}\n'.repeat(1000)).subarray(0, 40)
  return rowsOf('command', [
    ['no command', 'exit 2 usage', run()],
    ['an unknown command', 'exit 2 usage', run('fly')],
    ['an unknown option', 'exit 2 usage', run('get', 'a', 'b', '--fast')],
    ['an argument left out', 'exit 2 usage', run('get', 'a')],
    ['an argument too many', 'exit 2 usage', run('get', 'a', 'b', 'c')],
    ['import without --bucket', 'exit 2 usage', run('import', 'x.ndjson')],
    ['serve without --config', 'exit 2 usage', run('serve')],
    ['--timeout soon', 'exit 2 input-wrong', run('get', 'a', 'b', '--timeout', 'soon', ...seeds)],
    ['a seed that is none', 'exit 2 config-wrong', run('get', 'a', 'b', '--seeds', ':::')],
    ['no node there', 'exit 3 not-connected', run('get', 'a', 'b', '--seeds', '127.0.0.1:9')],
    ['an empty key', 'exit 2 key-wrong', run('get', 'wrong', '', ...seeds)],
    ['an empty bucket', 'exit 2 bucket-wrong', run('put', '', 'k', 'v', ...seeds)],
    ['--r three', 'exit 2 quorum-wrong', run('get', 'a', 'b', '--r', 'three', ...seeds)],
    ['--w 4', 'exit 2 quorum-wrong', run('put', 'wrong', 'k', 'v', '--w', '4', ...seeds)],
    [
      'a context that is none, told as JSON',
      'exit 2 context-garbled',
      run('put', 'wrong', 'k', 'v', '--context', '*', '--json', ...seeds),
    ],
    ['--window 0', 'exit 2 input-wrong', run('import', '--bucket', 'b', '--window', '0', ...seeds)],
    ['import of no file', 'exit 2 input-wrong', run('import', 'none', '--bucket', 'b', ...seeds)],
    ['a line that is no JSON', 'exit 2 input-wrong', lines('tea\n', 'tea')],
    ['a record without a value', 'exit 2 input-wrong', lines('{"key":"a"}\n', 'valueless')],
    ['a field no record has', 'exit 2 input-wrong', lines('{"key":"a","valu":"b"}\n', 'field')],
    ['text that is not UTF-8', 'exit 2 input-wrong', lines(Uint8Array.of(0xff, 10), 'binary')],
    ['base64 that is none', 'exit 2 input-wrong', lines('{"key":"a","value64":"*"}\n', 'base64')],
    ['half of a gzip file', 'exit 2 input-wrong', lines(half, 'half.gz')],
    ['an empty key in a file', 'exit 2 key-wrong', lines('{"key":"","value":"v"}\n', 'keyless')],
    ['dev with no nodes', 'exit 2 input-wrong', run('dev', '--nodes', '0', '--data', directory)],
    [
      'export to nowhere',
      'exit 2 input-wrong',
      run('export', '/no/where', '--bucket', 'b', ...seeds),
    ],
    [
      'a token file that others may read',
      'exit 2 key-file-wrong',
      run('get', 'a', 'b', '--token-file', file('open.token', 'x'), ...seeds),
    ],
  ])
}

type Change = (table: TomlTable, members: TomlTable[]) => void

export function configRows(lab: Lab): readonly Row[] {
  const { cluster, directory } = lab
  const good = readFileSync(cluster.config, 'utf8')
  let count = 0
  /** `serve` with the cluster's own configuration, changed; with data of its own. */
  const serve =
    (change: Change, argv: readonly string[] = [], environment = {}) =>
    () => {
      const place = join(directory, `config-${++count}`)
      mkdirSync(place)
      const table = parse(good)
      // Any port: a node whose configuration is refused never listens.
      Object.assign(table, { name: 'node-1', data: join(place, 'data') })
      table['key-file'] = join(cluster.root, 'cluster.key')
      change(table, table['members'] as TomlTable[])
      const config = join(place, 'everwrite.toml')
      writeFileSync(config, stringify(table))
      return commanded(['serve', '--config', config, ...argv], undefined, environment)
    }
  const set = (name: string, value: TomlTable[string]) =>
    serve((table) => Object.assign(table, { [name]: value }))
  const without = (name: string) => serve((table) => delete table[name])
  const member = (i: number, change: TomlTable) =>
    serve((_, members) => Object.assign(members[i] as TomlTable, change))
  const secret = (content: string, mode: number): string => {
    const path = join(directory, `secret-${++count}`)
    writeFileSync(path, content)
    chmodSync(path, mode)
    return path
  }
  const toml = (text: string): string => {
    const path = join(directory, `text-${++count}.toml`)
    writeFileSync(path, text)
    return path
  }
  const check = (data: string) => () =>
    commanded(['check', '--config', cluster.config, '--name', 'node-1', '--data', data])
  const wrong = 'exit 2 config-wrong'
  const keyWrong = 'exit 2 key-file-wrong'
  return rowsOf('config', [
    ['no such file', wrong, () => commanded(['serve', '--config', join(directory, 'none')])],
    ['no TOML', wrong, () => commanded(['serve', '--config', toml('cluster = ')])],
    ['an empty file', wrong, () => commanded(['serve', '--config', toml('')])],
    ['an unknown setting', wrong, set('replicas', 3)],
    ['a variable of the wrong kind', wrong, serve(() => {}, [], { EVERWRITE_R: 'x' })],
    ['no cluster', wrong, without('cluster')],
    ['no members', wrong, without('members')],
    ['no data', wrong, without('data')],
    ['a number as name', wrong, set('cluster', 7)],
    ['a name that is no member', wrong, set('name', 'node-9')],
    ['two members of one name', wrong, member(1, { name: 'node-3' })],
    ['two members at one port', wrong, member(1, { 'client-port': cluster.clientAddress(0).port })],
    ['port 70000', wrong, member(0, { 'client-port': 70_000 })],
    ['weight 0', wrong, member(0, { weight: 0 })],
    ['weight 101', wrong, member(0, { weight: 101 })],
    ['n = 4 of 3 members', wrong, set('n', 4)],
    ['r = 4 of 3 copies', wrong, set('r', 4)],
    ['w = 0', wrong, set('w', 0)],
    ['w = 9 of a bucket', wrong, set('buckets', [{ name: 'b', w: 9 }])],
    ['two buckets of one name', wrong, set('buckets', [{ name: 'b' }, { name: 'b' }])],
    ['100 partitions', wrong, set('partitions', 100)],
    ['an unknown engine', wrong, set('engine', 'tape')],
    ['an engine whose module is missing', wrong, set('engine', './missing.js')],
    ['--deadline-ms soon', wrong, serve(() => {}, ['--deadline-ms', 'soon'])],
    ['a listening address that is none', wrong, set('client-listen', 'here')],
    ['no key file', keyWrong, set('key-file', join(directory, 'no.key'))],
    ['a key that others may read', keyWrong, set('key-file', secret('00'.repeat(16), 0o644))],
    ['a key of 15 bytes', keyWrong, set('key-file', secret('00'.repeat(15), 0o600))],
    ['an empty token file', keyWrong, set('client-token-file', secret('', 0o600))],
    ['open to all without a token', 'exit 2 bind-insecure', set('client-listen', '0.0.0.0:7400')],
    ['ports that are taken', 'exit 3 address-taken', serve(() => {})],
    ['data in use', 'exit 3 data-locked', set('data', cluster.data(0))],
    ['a check of data in use', 'exit 3 data-locked', check(cluster.data(0))],
    ['a check of no data', 'exit 3 data-missing', check(join(directory, 'nothing'))],
    ...dataRows(serve),
  ])
}

function dataRows(
  serve: (change: Change) => () => Promise<string>,
): readonly (readonly [string, string, () => Promise<string>])[] {
  /** Data whose identity says `text`. */
  const holding = (text: string) =>
    serve((table) => {
      const data = table['data'] as string
      mkdirSync(data)
      writeFileSync(join(data, 'identity'), text)
    })
  const node = memberIdOf('served', 'node-1')
  const placement = {
    partitions: 256,
    members: [{ name: 'node-1', machine: '127.0.0.1', zone: '', weight: 1 }],
    n: 1,
    buckets: {},
  }
  const own = { cluster: 'served', engine: 'log', node, placement, directory: '0'.repeat(16) }
  const good = identityText(own)
  return [
    [
      'data of another cluster',
      'exit 3 data-foreign',
      holding(identityText({ ...own, cluster: 'elsewhere' })),
    ],
    [
      'data of another engine',
      'exit 3 data-foreign',
      holding(identityText({ ...own, engine: 'other' })),
    ],
    [
      'data of another node',
      'exit 3 data-foreign',
      holding(identityText({ ...own, node: nodeId('00'.repeat(8)) })),
    ],
    [
      'data of other partitions',
      'exit 3 ring-changed',
      holding(identityText({ ...own, placement: { ...placement, partitions: 512 } })),
    ],
    ['data of a newer format', 'exit 3 data-newer', holding(good.replace('data 4', 'data 5'))],
    ['data of an older format', 'exit 3 data-older', holding(good.replace('data 4', 'data 3'))],
    ['an identity that is rotten', 'exit 3 data-rotten', holding(good.replace('node', 'mode'))],
  ]
}
