/** Buckets that are created, listed, shown and renamed from the command line, on three nodes. */
import { join } from 'node:path'
import t from 'tap'
import { Running } from './running.ts'

t.test('three nodes', async (t) => {
  const running = await Running.start(join(t.testdir(), 'data'))
  t.teardown(() => running.stop())
  const seedOf = (node: number): string => `127.0.0.1:${running.portBase + node - 1}`
  const made = await running.run('bucket', 'create', 'carts', '--n', '2', '--r', '1', '--w', '2')
  t.match(made, { code: 0, stderr: '' })
  t.match(made.stdout, /^carts: N 2, R 1, W 2, siblings; exact name carts#[0-9a-f]{16}\n$/)
  const exact = made.stdout.trim().split(' ').at(-1) as string
  t.match(await running.run('put', 'carts', 'anna', 'tea', '--seeds', seedOf(2)), { code: 0 })
  for (const name of ['carts', exact]) {
    const got = await running.run('get', name, 'anna', '--raw', '--seeds', seedOf(3))
    t.match(got, { code: 0, stdout: 'tea' })
  }
  const listed = await running.run('bucket', 'list', '--count')
  const rowsOf = listed.stdout.split('\n')
  t.match(rowsOf[0], /^bucket +created as +policy +durability +N +R +W +keys$/)
  t.match(rowsOf[1], /^carts +carts#\S+ +siblings +always +2 +1 +2 +1$/)
  t.match(listed.stdout, /\n\(all others\) +- +siblings +always +3 +2 +2 +-\n$/)
  const rows = (await running.run('buckets', '--json')).stdout.trim().split('\n')
  t.match(JSON.parse(rows[0] as string), { name: 'carts', created: { exactName: exact } })
  t.match(await running.run('bucket', 'show', 'carts'), { code: 0, stdout: made.stdout })
  const renamed = await running.run('bucket', 'rename', 'carts', 'baskets', '--json')
  t.match(JSON.parse(renamed.stdout), { name: 'baskets', untold: [] })
  t.match(await running.run('get', 'baskets', 'anna', '--raw'), { code: 0, stdout: 'tea' })
  t.match(await running.run('get', 'carts', 'anna'), { code: 1 })
  t.match(await running.run('bucket', 'show', 'plain'), { stdout: /it was never created\n$/ })
})

t.test('what is wrong is told, and nothing is created', async (t) => {
  const running = await Running.start(join(t.testdir(), 'data'), undefined, 1)
  t.teardown(() => running.stop())
  const create = (...argv: readonly string[]) => running.run('bucket', 'create', ...argv)
  t.match(await create('b', '--n', '8'), { code: 2, stderr: /\(quorum-wrong\)/ })
  t.match(await create('b', '--n', '3', '--w', '4'), { code: 2, stderr: /w of the bucket is 4/ })
  t.match(await create('b', '--policy', 'newest'), { code: 2, stderr: /\(input-wrong\)/ })
  t.match(await create('b', '--durability', 'never'), { code: 2, stderr: /\(input-wrong\)/ })
  t.match(await create('b', '--deadline-ms', '0'), { code: 2, stderr: /\(input-wrong\)/ })
  t.match(await create('b#0123456789abcdef'), { code: 2, stderr: /\(bucket-wrong\)/ })
  await running.run('put', 'plain', 'k', 'v')
  const taken = await create('plain')
  t.match(taken, { code: 2, stderr: /this node holds keys .*plain#0{16}.*\(bucket-exists\)/ })
  t.match((await running.run('bucket', 'list')).stdout, /^bucket +created as .*\n\(all others\)/)
  const none = await running.run('bucket', 'show', 'plain#0123456789abcdef')
  t.match(none, { stderr: /no bucket is called plain#.*\(bucket-unknown\)/ })
  const wide = await create('wide', '--n', '3')
  t.match(wide, { code: 0, stderr: /the cluster has 1 members: a key has 1 copies, and not 3/ })
  const last = await create('last', '--n', '1', '--policy', 'last-write-wins')
  t.match(last, { code: 0, stdout: /^last: N 1, R 1, W 1, last-write-wins; exact name/ })
  const fast = await create('fast', '--n', '1', '--durability', 'interval')
  t.match(fast, { code: 0, stdout: /^fast: N 1, R 1, W 1, siblings, durability interval; exact/ })
  t.match((await running.run('bucket', 'list')).stdout, /\nfast +fast#\S+ +siblings +interval +1/)
  t.match(await running.run('put', 'fast', 'k', 'v'), { code: 0 })
  t.match(await running.run('bucket', 'rename', 'b', 'c'), { code: 2, stderr: /\(bucket-wrong\)/ })
})
