/** Buckets, parts of a listing, named puts, and a start that is only checked. */
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Begun, run, Running, until } from './running.ts'

t.test('one node with keys', async (t) => {
  const data = join(t.testdir(), 'data')
  const running = await Running.start(data, undefined, 1)
  await t.test('keys are chosen by prefix, bounded and counted', (t) => listed(t, running))
  await t.test('a put that is repeated by its id leaves one value', (t) => repeated(t, running))
  t.equal(await running.stop(), 0)
  await t.test('a configuration is checked and nothing is started', (t) => checked(t, data))
  await t.test('buckets are those of the configuration', (t) => buckets(t, data, running))
})

async function listed(t: Test, running: Running): Promise<void> {
  const { seeds } = running
  const lines = ['a1', 'a2', 'a3', 'b1'].map((key) => JSON.stringify({ key, value: 'v' }))
  await run(['import', '--bucket', 'few'], { seeds, input: lines.join('\n') })
  const keys = async (...argv: readonly string[]): Promise<string> =>
    (await running.run('keys', 'few', ...argv)).stdout
  t.same((await keys('--prefix', 'a')).trim().split('\n').sort(), ['a1', 'a2', 'a3'])
  t.equal(await keys('--count'), '4\n')
  t.equal(await keys('--count', '--prefix', 'a', '--json'), '{"keys":3}\n')
  t.equal((await keys('--limit', '2')).trim().split('\n').length, 2)
  t.match(await running.run('keys', 'few', '--limit', '0'), { code: 2, stderr: /--limit/ })
}

async function repeated(t: Test, running: Running): Promise<void> {
  const id = '0123456789abcdef0123456789abcdef'
  for (let round = 0; round < 2; round++) {
    const named = await running.run('put', 'named', 'k', 'v', '--sibling', '--request-id', id)
    t.equal(named.code, 0, named.stderr)
  }
  t.equal((await running.run('get', 'named', 'k', '--raw')).stdout, 'v')
  t.match(await running.run('put', 'named', 'k', 'v', '--request-id', 'x'), {
    code: 2,
    stderr: /32 hexadecimal digits, not x \(request-id-wrong\)/,
  })
}

async function checked(t: Test, data: string): Promise<void> {
  const check = (name: string, ...argv: readonly string[]): ReturnType<typeof run> =>
    run([
      ...['serve', '--check', '--config', join(data, 'everwrite.toml'), '--name', name],
      ...argv,
    ])
  const right = await check('node-1', '--data', join(data, 'node-1'))
  t.match(right, {
    code: 0,
    stdout: /^node-1 of cluster dev can start: clients at 127/,
    stderr: '',
  })
  const fresh = join(data, 'fresh')
  t.match(await check('node-1', '--data', fresh), { code: 0, stdout: /the start will make/ })
  t.notOk(existsSync(fresh))
  const wrong = await check('node-2', '--data', fresh)
  t.match(wrong, { code: 2, stderr: /name is node-2, which is no member/ })
  const foreign = await check('node-1', '--data', join(data, 'node-1'), '--cluster', 'other')
  t.match(foreign, { code: 3, stderr: /\(data-foreign\)/ })
  chmodSync(join(data, 'cluster.key'), 0o644)
  t.match(await check('node-1'), { code: 2, stderr: /\(key-file-wrong\)|key-file is wrong/ })
  chmodSync(join(data, 'cluster.key'), 0o600)
}

/** The node is started by hand, with a log of failures alone. */
async function buckets(t: Test, data: string, { seeds }: Running): Promise<void> {
  const argv = ['serve', '--config', join(data, 'everwrite.toml'), '--name', 'node-1']
  const begun = new Begun(
    [...argv, '--data', join(data, 'node-1'), '--log-level', 'error'],
    undefined,
    { EVERWRITE_SERVICE_HOST: '10.0.0.1' },
  )
  await until(
    async () => (await run(['keys', 'few', '--count'], { seeds })).stdout === '4\n',
    () => `it does not serve: ${begun.output.stderr}`,
  )
  const plain = await run(['buckets', '--count'], { seeds })
  t.match(plain, { code: 0, stdout: /\n\(all others\) +- +siblings +always +1 +1 +1\n$/ })
  const json = await run(['buckets', '--json'], { seeds })
  t.same(JSON.parse(json.stdout), { name: '', n: 1, r: 1, w: 1 })
  begun.signal('SIGTERM')
  const { code, stderr } = await begun.result
  t.equal(code, 0)
  t.equal(stderr.match(/EVERWRITE_SERVICE_HOST/g)?.length, 1)
  t.notMatch(stderr, /node-ready/)
  const wrong = await run([...argv, '--log-level', 'loud'])
  t.match(wrong, { code: 2, stderr: /^everwrite: option '--log-level/ })
}
