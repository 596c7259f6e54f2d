/** Every wrong configuration gets its code and its path; a right one becomes a `Config`. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  readNodeSettings,
  readSettings,
  SettingsError,
} from '../../../../src/cli/settings/settings.ts'
import { bytesOfHex } from '../../../../src/base/bytes.ts'
import type { Config } from '../../../../src/config.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { hostDisk } from '../../../../src/host/disk.ts'
import { KeyRing } from '../../../../src/dynamo/membership/key-ring.ts'
import { writeKeyRing } from '../../../../src/store/keys.ts'
import { writeJoining } from '../../../../src/store/joining.ts'

const KEY = '00112233445566778899aabbccddeeff'
const SOUND = `
cluster = "shop"
name = "node-1"
key-file = "cluster.key"
data = "data"

[[members]]
name = "node-1"
[[members]]
name = "node-2"
client-port = 7401
peer-port = 7501
zone = "b"
[[members]]
name = "node-3"
host = "10.0.0.3"
machine = "rack"
weight = 2
`

const OPEN = 'export async function openEngine() {}\n'
const directory = t.testdir({
  'cluster.key': `${KEY}\n`,
  token: 'secret\n',
  'sound.mjs': `export const name = 'sound'\n${OPEN}`,
  'nameless.mjs': OPEN,
  'taken.mjs': `export const name = 'log'\n${OPEN}`,
  'empty.mjs': "export const name = 'empty'\n",
  'broken.mjs': 'export const name = \n',
})
chmodSync(join(directory, 'cluster.key'), 0o600)
chmodSync(join(directory, 'token'), 0o600)

type Sources = Parameters<typeof readSettings>[0]

function read(toml: string, more: Partial<Sources> = {}): Promise<Config> {
  const file = join(directory, 'everwrite.toml')
  writeFileSync(file, toml)
  return readSettings({ file, environment: {}, flags: {}, ...more })
}

async function faultsOf(toml: string, more: Partial<Sources> = {}): Promise<string[]> {
  try {
    await read(toml, more)
    return []
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.faults.map(({ path, code }) => `${path}: ${code}`)
  }
}

/** The sound file with one change; what it begins with stands before the tables. */
function changed(from: string, to: string): string {
  const toml = SOUND.replace(from, to)
  if (toml === SOUND) throw new Error(`${from} is not in the sound configuration`)
  return toml
}

t.test('a sound file becomes a config, with defaults for what it leaves out', async (t) => {
  const config = await read(SOUND)
  t.equal(config.cluster, 'shop')
  t.same(config.defaults, { n: 3, r: 2, w: 2 })
  t.same(config.clientListen, { host: '127.0.0.1', port: 7400 })
  t.same(config.peerListen, { host: '127.0.0.1', port: 7500 })
  t.equal(config.directory, join(directory, 'data'))
  t.equal(Buffer.from(config.clusterKey ?? '').toString('hex'), KEY)
  t.equal(config.clientToken, undefined)
  t.equal(config.partitions, 256)
  t.equal(config.engine, 'log')
  t.same(
    config.members.map(({ name, machine, zone, weight }) => [name, machine, zone, weight]),
    [
      ['node-1', '127.0.0.1', '', 1],
      ['node-2', '127.0.0.1', 'b', 1],
      ['node-3', 'rack', '', 2],
    ],
  )
})

t.test('flags win over the environment, and that over the file', async (t) => {
  const environment = { EVERWRITE_NAME: 'node-2', EVERWRITE_R: '3', EVERWRITE_DATA: '/env' }
  const config = await read(SOUND, { environment, flags: { name: 'node-3', insecure: true } })
  t.equal(config.name, 'node-3')
  t.equal(config.defaults.r, 3)
  t.equal(config.directory, '/env')
  t.ok(config.isInsecure)
})

t.test('a bucket has the defaults where it says nothing else', async (t) => {
  const config = await read(`${SOUND}[[buckets]]\nname = "b"\nr = 1\n`)
  t.same(config.buckets, [{ name: 'b', n: 3, r: 1, w: 2 }])
})

t.test('a node may listen elsewhere than where it is reached, with a token', async (t) => {
  const config = await read(
    changed(
      'data =',
      'client-listen = "0.0.0.0:9"\npeer-listen = "[::]:8"\nclient-token-file = "token"\ndata =',
    ),
  )
  t.same(config.clientListen, { host: '0.0.0.0', port: 9 })
  t.same(config.peerListen, { host: '::', port: 8 })
  t.equal(Buffer.from(config.clientToken ?? []).toString(), 'secret')
})

type Row = readonly [string, string, readonly string[]]

const TABLE: readonly Row[] = [
  ['not TOML', 'cluster = ', [`${join(directory, 'everwrite.toml')}: config-wrong`]],
  ['no cluster', changed('cluster = "shop"', ''), ['cluster: config-wrong']],
  ['no name', changed('name = "node-1"', ''), ['name: config-wrong']],
  ['no key file', changed('key-file = "cluster.key"', ''), ['key-file: config-wrong']],
  ['no data directory', changed('data = "data"', ''), ['data: config-wrong']],
  ['a misspelt setting', changed('data =', 'partition = 8\ndata ='), ['partition: config-wrong']],
  ['a misspelt field of a member', changed('zone', 'zon'), ['members[1].zon: config-wrong']],
  [
    'a misspelt field of a bucket',
    `${SOUND}[[buckets]]\nname = "b"\nq = 1\n`,
    ['buckets[0].q: config-wrong'],
  ],
  [
    'text for a number',
    changed('data =', 'partitions = "8"\ndata ='),
    ['partitions: config-wrong'],
  ],
  ['no power of two', changed('data =', 'partitions = 100\ndata ='), ['partitions: config-wrong']],
  [
    'too many partitions',
    changed('data =', 'partitions = 131072\ndata ='),
    ['partitions: config-wrong'],
  ],
  ['n of nothing', changed('data =', 'n = 0\ndata ='), ['n: config-wrong']],
  ['n beyond the members', changed('data =', 'n = 4\ndata ='), ['n: config-wrong']],
  ['r beyond n', changed('data =', 'r = 4\ndata ='), ['r: config-wrong']],
  ['w beyond n', changed('data =', 'n = 1\nr = 1\ndata ='), ['w: config-wrong']],
  [
    "a bucket's w beyond n",
    `${SOUND}[[buckets]]\nname = "b"\nn = 1\nr = 1\n`,
    ['buckets[0].w: config-wrong'],
  ],
  [
    'two buckets of one name',
    `${SOUND}[[buckets]]\nname = "b"\n[[buckets]]\nname = "b"\n`,
    ['buckets[1].name: config-wrong'],
  ],
  [
    'a name that is no member',
    changed('name = "node-1"', 'name = "node-9"'),
    ['name: config-wrong'],
  ],
  [
    'two members of one name',
    changed('name = "node-2"', 'name = "node-3"'),
    ['members[2].name: config-wrong'],
  ],
  ['two members on one port', changed('7401', '7400'), ['members[1].client-port: config-wrong']],
  ['peers on the port of clients', changed('7501', '7400'), ['members[1].peer-port: config-wrong']],
  ['a port beyond ports', changed('7501', '75010'), ['members[1].peer-port: config-wrong']],
  ['no weight', changed('weight = 2', 'weight = 0'), ['members[2].weight: config-wrong']],
  [
    'a weight above 100',
    changed('weight = 2', 'weight = 100.5'),
    ['members[2].weight: config-wrong'],
  ],
  ['no members', SOUND.slice(0, SOUND.indexOf('[[members]]')), ['members: config-wrong']],
  ['an unknown engine', changed('data =', 'engine = "rocks"\ndata ='), ['engine: config-wrong']],
  ...['missing', 'nameless', 'taken', 'empty', 'broken'].map((module): Row => {
    const toml = changed('data =', `engine = "./${module}.mjs"\ndata =`)
    return [`the engine's module is ${module}`, toml, ['engine: config-wrong']]
  }),
  [
    'no address to listen on',
    changed('data =', 'client-listen = "7400"\ndata ='),
    ['client-listen: config-wrong'],
  ],
  [
    'a deadline beyond bounds',
    changed('data =', 'deadline-ms = 60001\ndata ='),
    ['deadline-ms: config-wrong'],
  ],
  [
    'open to all without a token',
    changed('data =', 'client-listen = "0.0.0.0:7400"\ndata ='),
    ['client-token-file: bind-insecure'],
  ],
  [
    'a member elsewhere without a token',
    changed('name = "node-1"', 'name = "node-3"'),
    ['client-token-file: bind-insecure'],
  ],
  ['no such key file', changed('cluster.key', 'nowhere.key'), ['key-file: key-file-wrong']],
]

for (const [what, toml, expected] of TABLE) {
  t.test(`refused: ${what}`, async (t) => {
    t.same(await faultsOf(toml), expected)
  })
}

t.test('all faults are told at once, each with what to do', async (t) => {
  const toml = changed(
    'data =',
    'partitons = 1\npartitions = 100\nr = 4\nclient-listen = "0.0.0.0:1"\ndata =',
  )
  t.same(await faultsOf(toml), [
    'partitons: config-wrong',
    'partitions: config-wrong',
    'r: config-wrong',
    'client-token-file: bind-insecure',
  ])
  const message = /give 64 or 128[^]*--insecure/
  await t.rejects(read(toml), { code: 'config-wrong', message })
})

t.test('--insecure allows a node without a token to listen on all addresses', async (t) => {
  const toml = changed('data =', 'client-listen = "0.0.0.0:7400"\ndata =')
  const environment = { EVERWRITE_INSECURE: 'true' }
  t.ok((await read(toml, { flags: { insecure: true } })).isInsecure)
  t.ok((await read(toml, { environment })).isInsecure)
})

t.test('the environment is checked like the file', async (t) => {
  const wrong = (environment: Record<string, string>): Promise<string[]> =>
    faultsOf(SOUND, { environment })
  t.same(await wrong({ EVERWRITE_PARTITIONS: 'many' }), ['partitions: config-wrong'])
  t.same(await wrong({ EVERWRITE_INSECURE: 'maybe' }), ['insecure: config-wrong'])
  t.same(await wrong({ EVERWRITE_SEEDS: 'a:1', EVERWRITE_TOKEN: 'x', OTHER: '1' }), [])
})

t.test('a variable that is no setting is warned of, and the node starts', async (t) => {
  const told: string[] = []
  const environment = { EVERWRITE_SERVICE_HOST: '10.0.0.1', EVERWRITE_PORT: 'x', EVERWRITE_R: '2' }
  const config = await read(SOUND, { environment, warn: (sentence) => told.push(sentence) })
  t.equal(config.name, 'node-1')
  t.equal(told.length, 1)
  t.match(told[0], /EVERWRITE_PORT, EVERWRITE_SERVICE_HOST/)
  t.ok(await read(SOUND, { environment }))
})

t.test('a file that is not there is said to be so', async (t) => {
  await t.rejects(readSettings({ file: '/nowhere.toml', environment: {}, flags: {} }), {
    code: 'config-wrong',
    message: /--config/,
  })
})

t.test("an engine's module is loaded, relative to the file", async (t) => {
  const { engine } = await read(changed('data =', 'engine = "./sound.mjs"\ndata ='))
  t.match(engine, { name: 'sound', open: Function })
})

t.test(
  'a node that joins needs no key and no other member, and may have n = 3 alone',
  async (t) => {
    const toml = `cluster = "shop"\nname = "new"\ndata = "fresh"\n[[members]]\nname = "new"\n`
    t.same(await faultsOf(toml), ['key-file: config-wrong', 'n: config-wrong'])
    await t.rejects(read(toml), { message: /n is 3 but .*, or --join and --invitation where/ })
    const file = join(directory, 'everwrite.toml')
    const sources = { file, environment: {}, flags: {} }
    const joining = await readNodeSettings({ ...sources, joins: true })
    t.same([joining.isJoiner, joining.hasJoined, joining.partitions], [true, false, 0])
    t.equal(joining.config.clusterKey, undefined)
    const fresh = await hostDisk.directory(join(directory, 'fresh'))
    const node = nodeId('0123456789abcdef')
    const begun = { cluster: 'shop', node, letIn: undefined }
    await writeJoining(fresh, begun)
    t.equal((await readNodeSettings(sources)).hasJoined, false, 'it has begun to join')
    const placement = { partitions: 128, members: [], n: 2, buckets: {} }
    await writeKeyRing(fresh, KeyRing.first(bytesOfHex(KEY) as Uint8Array, new Uint8Array(16)))
    await writeJoining(fresh, { ...begun, letIn: { placement, records: [] } })
    const joined = await readNodeSettings(sources)
    t.same([joined.isJoiner, joined.hasJoined, joined.config.id], [true, true, node])
    t.equal(joined.config.clusterKey, undefined, 'the data directory has it')
    t.same([joined.config.partitions, joined.config.defaults.n], [128, 2], 'as the cluster has')
    writeFileSync(file, `partitions = 64\nn = 4\n${toml}`)
    const { config, ...given } = await readNodeSettings(sources)
    t.same([given.partitions, given.n], [64, 4])
    t.same([config.partitions, config.defaults.n], [64, 4], 'what is given is not passed over')
    t.same(await faultsOf(`r = 3\n${toml}`), ['r: config-wrong'], 'more than the copies')
    const other = read(toml.replace('"shop"', '"other"'))
    await t.rejects(other, { code: 'data-foreign', message: /belongs to a node of cluster "shop"/ })
    chmodSync(join(directory, 'fresh', 'keys'), 0o644)
    t.same(await faultsOf(toml), ['data: key-file-wrong'], 'for its owner alone')
  },
)

t.test('a list of one node names the node, unless its name is given', async (t) => {
  const only = 'cluster = "shop"\nkey-file = "cluster.key"\ndata = "data"\nn = 1\nr = 1\nw = 1\n'
  const four = `${only}[[members]]\nname = "node-4"\n`
  t.equal((await read(four)).name, 'node-4')
  const other = await faultsOf(four, { flags: { name: 'node-5' } })
  t.strictSame(other, ['name: config-wrong'], 'which is not in the list')
  const two = await faultsOf(`${four}[[members]]\nname = "node-6"\npeer-port = 1\n`)
  t.strictSame(two, ['name: config-wrong'], 'of two it is not known which')
})
