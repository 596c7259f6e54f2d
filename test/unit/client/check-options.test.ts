/** Options that are unknown or of a wrong type are refused before anything is sent. */
import t, { type Test } from 'tap'
import type { CallError } from '../../../src/client/failure.ts'
import type { Client } from '../../../src/client/client.ts'
import { SealedContext } from '../../../src/client/sealed-context.ts'
import { foundReply, Stage } from './scripted.ts'

type Use = (client: Client, options: never) => unknown

const USES: Readonly<Record<string, Use>> = {
  bucket: (client, options) => client.bucket('b', options),
  get: (client, options) => client.get('k', options),
  explain: (client, options) => client.explain('b', 'k', options),
  put: (client, options) => client.put('k', 'v', options),
  delete: (client, options) => client.delete('k', options),
  update: (client, options) => client.update('k', () => 'v', options),
  keys: (client, options) => client.keys(options),
  keyBytes: (client, options) => client.bucket('b').keyBytes(options),
  entries: (client, options) => client.entries(options),
  status: (client, options) => client.status(undefined, options),
  ranges: (client, options) => client.ranges(options),
  repair: (client, options) => client.repair('node-1', options),
  topology: (client, options) => client.topology(options),
}

/** The error that a use throws or rejects with. */
async function failureOf(use: () => unknown): Promise<CallError> {
  try {
    await use()
  } catch (error) {
    return error as CallError
  }
  throw new Error('it succeeded')
}

async function refusals(
  t: Test,
  rows: readonly (readonly [use: string, options: unknown, sentence: RegExp])[],
): Promise<void> {
  const stage = new Stage()
  const client = await stage.connect()
  for (const node of stage.nodes) node.reply = () => foundReply('v')
  for (const [use, options, sentence] of rows) {
    const failure = await failureOf(() => (USES[use] as Use)(client, options as never))
    t.equal(failure.code, 'config-wrong', `${use} ${JSON.stringify(options)}: ${failure.message}`)
    t.match(failure.message, sentence)
    t.equal(failure.certainty, 'refused')
  }
  t.equal(stage.asked.length, 0)
}

t.test('an unknown option is refused, and the sentence names the nearest', async (t) => {
  await refusals(t, [
    ['put', { replaces: 'seen' }, /^replaces is no option of put.*did you mean replace\?$/],
    ['delete', { contex: undefined }, /^contex is no option of delete.*did you mean context\?$/],
    ['get', { tiemout: 5 }, /^tiemout is no option of get.*did you mean timeout\?$/],
    [
      'get',
      { w: 2 },
      /^w is no option of get, which takes signal, timeout, r, strict, monotonic, receipt, /,
    ],
    ['get', Object.create({ tiemout: 5 }), /did you mean timeout\?$/],
    ['update', { replace: 'seen' }, /^replace is no option of update/],
    ['keys', { curser: 'a' }, /did you mean cursor\?$/],
    ['keyBytes', { limit: 5 }, /^limit is no option of keys.*leave it out$/],
    ['entries', { ['x'.repeat(1_000)]: 5 }, /^x{64} is no option of entries/],
    ['status', { timeoutMs: 5 }, /did you mean timeout\?$/],
    ['ranges', { nod: 'n1' }, /did you mean node\?$/],
    ['repair', { form: 'n1' }, /did you mean from\?$/],
    ['topology', { toString: 5 }, /^toString is no option of topology/],
    ['bucket', { coded: undefined }, /did you mean codec\?$/],
  ])
})

t.test('an option of a wrong type is refused, and the sentence says what it must be', async (t) => {
  const context = new SealedContext(new Uint8Array(3))
  await refusals(t, [
    ['put', { context: String(context) }, /context of put.*SealedContext\.parse.*not a string$/],
    ['put', { contexts: context }, /contexts of put is an array of contexts/],
    ['put', { contexts: [context, 'text'] }, /contexts of put is an array of contexts/],
    ['put', { replace: 'all' }, /replace of put is 'seen', not a string$/],
    ['put', { replace: true }, /replace of put is 'seen', not a boolean$/],
    ['put', { requestId: 'text' }, /requestId of put is a Uint8Array, not a string$/],
    ['put', { isRepeat: 1 }, /isRepeat of put is true or false, not 1$/],
    ['put', { w: '2' }, /w of put is a number, not a string$/],
    ['delete', { context: null }, /context of delete is a context .*, not null$/],
    ['get', { r: '2' }, /r of get is a number/],
    ['get', { timeout: '5' }, /timeout of get is a number of milliseconds above 0, not a string$/],
    ['get', { timeout: Number.NaN }, /above 0, not NaN$/],
    ['get', { signal: new AbortController() }, /signal of get is an AbortSignal, not an object$/],
    ['get', 5, /^get takes its options as an object, not 5$/],
    ['get', null, /^get takes its options as an object, not null$/],
    ['update', { timeout: 0 }, /timeout of update/],
    ['keys', { cursor: 7 }, /cursor of keys is a string, not 7$/],
    ['entries', { r: [] }, /r of entries is a number, not an array$/],
    ['bucket', { codec: 'text' }, /codec of bucket is a codec, an object with/],
    ['status', { signal: 'abort' }, /signal of status/],
    ['ranges', { until: 'whole' }, /until of ranges is 'equal', not a string$/],
    ['ranges', { node: 1 }, /node of ranges is a string, not 1$/],
    ['repair', { onProgress: 5 }, /onProgress of repair is a function, not 5$/],
    ['topology', { timeout: -1 }, /timeout of topology/],
  ])
})

t.test('connect refuses unknown options and wrong types', async (t) => {
  const stage = new Stage()
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [{ seed: ['a'] }, /^seed is no option of connect.*did you mean seeds\?$/],
    [{ tiemout: 5 }, /did you mean timeout\?$/],
    [{ callsMax: '5' }, /callsMax of connect is a whole number above 0, not a string$/],
    [{ waitingMax: -1 }, /waitingMax of connect is a whole number from 0 to 65536, not -1$/],
    [{ waitingMax: 65_537 }, /waitingMax of connect .* not 65537$/],
    [{ signal: 5 }, /signal of connect is an AbortSignal, not 5$/],
    [{ connectTimeout: 0 }, /connectTimeout of connect/],
  ]
  for (const [options, sentence] of rows) {
    const failure = await failureOf(() => stage.connect(options as never))
    t.equal(failure.code, 'config-wrong')
    t.match(failure.message, sentence)
  }
  t.ok(stage.nodes.every((node) => node.dials === 0))
})

t.test('a wrong name or function is refused before anything is sent', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const rows: readonly (readonly [() => unknown, string])[] = [
    [() => client.bucket({ codec: 5 } as never), 'bucket-wrong'],
    [() => client.update('k', 'v' as never), 'input-wrong'],
    [() => client.status({ timeout: 5 } as never), 'input-wrong'],
  ]
  for (const [use, code] of rows) t.equal((await failureOf(use)).code, code)
  t.equal(stage.asked.length, 0)
})

t.test('an option that is undefined is as one left out', async (t) => {
  const stage = new Stage()
  const client = await stage.connect({ token: undefined, signal: undefined })
  for (const node of stage.nodes) node.reply = () => foundReply('v')
  const options = { r: undefined, timeout: undefined, signal: undefined }
  t.equal((await client.get('k', options)).value, 'v')
})
