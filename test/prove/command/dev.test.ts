/** `everwrite dev` as a newcomer uses it: three nodes, a few commands, ctrl-C. */
import { spawn, spawnSync } from 'node:child_process'
import { lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { isTaken, nodePid, run, Running, until } from './running.ts'

t.test('three nodes keep what they are given, through ctrl-C and the death of one', async (t) => {
  const directory = t.testdir()
  const data = join(directory, 'data')
  const running = await Running.start(data)
  t.match(running.output, /3 nodes are ready/)
  t.match(running.output, new RegExp(`node-3 +127.0.0.1:${running.portBase + 2}`))
  t.match(running.output, /npx --no everwrite put/)
  t.match(running.output, /survives no lost disk/)
  await t.test('a value comes back; a missing key is exit code 1', (t) => values(t, running))
  await t.test('siblings are shown with how to reconcile them', (t) => siblings(t, running))
  await t.test('bytes go in and out as they are', (t) => bytes(t, running))
  await t.test('records go in, twice if need be, and come out the same', (t) =>
    records(t, running, directory),
  )
  await t.test('keys and values that are no text have their own way', (t) => noText(t, running))
  await t.test('siblings survive export and import', (t) => copies(t, running))
  await t.test('a wrong line is named', (t) => brokenLine(t, running))
  await t.test('status shows every node', async (t) => {
    // One that a busy machine holds up is avoided for a moment.
    const all = /node-1.*up.*2\/2[^]*node-2.*up.*2\/2[^]*node-3.*up.*2\/2/
    await until(
      async () => all.test((await running.run('status')).stdout),
      () => 'the nodes do not see each other',
    )
    const { stdout, code } = await running.run('status')
    t.equal(code, 0)
    t.match(stdout, /cluster dev: 3 nodes/)
  })
  t.equal(await running.stop(), 0)
  t.match(running.output, /all nodes have stopped/)
  t.notOk(await isTaken(running.portBase + 1))

  const again = await Running.start(data, running.portBase)
  t.equal((await again.run('get', 'carts', 'anna')).stdout, 'tea, milk\n')
  await t.test('a node that dies is reported, and the others go on', (t) => death(t, again, data))
  t.equal(await again.stop(), 0)
})

async function values(t: Test, running: Running): Promise<void> {
  t.same(await running.run('put', 'carts', 'anna', 'tea'), { code: 0, stdout: '', stderr: '' })
  t.same(await running.run('get', 'carts', 'anna'), { code: 0, stdout: 'tea\n', stderr: '' })
  const missing = await running.run('get', 'carts', 'bob')
  t.equal(missing.code, 1)
  t.match(missing.stderr, /not there/)
}

async function siblings(t: Test, running: Running): Promise<void> {
  await running.run('put', 'carts', 'anna', 'milk', '--sibling')
  const both = await running.run('get', 'carts', 'anna')
  t.same(both.stdout.trim().split('\n').sort(), ['milk', 'tea'])
  t.match(both.stderr, /everwrite put carts anna VALUE/)
  t.equal((await running.run('get', 'carts', 'anna', '--raw')).code, 2)
  const { context } = JSON.parse((await running.run('get', 'carts', 'anna', '--json')).stdout)
  t.equal((await running.run('put', 'carts', 'anna', 'tea, milk', '--context', context)).code, 0)
  t.equal((await running.run('get', 'carts', 'anna', '--raw')).stdout, 'tea, milk')
  const foreign = await running.run('put', 'carts', 'bob', 'x', '--context', context)
  t.equal(foreign.code, 2)
  t.match(foreign.stderr, /context-/)
}

async function bytes(t: Test, running: Running): Promise<void> {
  const input = Uint8Array.from({ length: 256 }, (_, i) => i)
  await run(['put', 'carts', 'bytes', '-'], { seeds: running.seeds, input })
  const answer = JSON.parse((await running.run('get', 'carts', 'bytes', '--json')).stdout)
  t.same(Buffer.from(answer.siblings[0].value64, 'base64'), Buffer.from(input))
  t.equal((await running.run('delete', 'carts', 'bytes')).code, 0)
  t.equal((await running.run('get', 'carts', 'bytes')).code, 1)
  t.same((await running.run('keys', 'carts')).stdout, 'anna\n')
}

/** Keys and values that are no text, and what standard input is read for. */
async function noText(t: Test, { seeds }: Running): Promise<void> {
  const lone = [Buffer.from([0x6b, 0xff]), Buffer.from([0x6b, 0xfe])]
  for (const [i, key] of lone.entries()) {
    const argv = ['put', 'raw', key.toString('base64'), '/w==', '--key64', '--value64']
    t.equal((await run(argv, { seeds })).code, 0)
    const garbled = await run(['put', 'raw', key.toString(), `${i}`], { seeds })
    t.match(garbled, { code: 2, stderr: /the key is not UTF-8 text[^]*--key64/ })
  }
  const keys = (await run(['keys', 'raw'], { seeds })).stdout.trimEnd().split('\n')
  t.equal(keys.length, 2, 'two keys are two keys')
  const got = await run(['get', 'raw', 'a/8=', '--key64', '--json'], { seeds })
  t.match(JSON.parse(got.stdout), { key64: 'a/8=', siblings: [{ value64: '/w==' }] })
  const empty = await run(['put', 'raw', 'k'], { seeds, input: 'the rest of a file' })
  t.equal(empty.code, 2, 'standard input is read for - only')
  const large = 'x'.repeat(8 * 1024 * 1024)
  const patient = ['--timeout', '60000']
  t.equal((await run(['put', 'raw', 'large', '-', ...patient], { seeds, input: large })).code, 0)
  t.equal(
    (await run(['get', 'raw', 'large', '--raw', ...patient], { seeds })).stdout.length,
    large.length,
  )
  const over = await run(['put', 'raw', 'large', '-'], { seeds, input: `${large}x` })
  t.match(over, { code: 2, stderr: /8388608/ })
}

async function records(t: Test, running: Running, directory: string): Promise<void> {
  const lines = Array.from({ length: 500 }, (_, i) =>
    JSON.stringify({ key: `k${i}`, value: `v${i} ä\n` }),
  )
  const last = ['{"key64":"/w==","value64":"/wA="}', '{"key":"k0","value":"later"}']
  const file = join(directory, 'records.gz')
  writeFileSync(file, gzipSync(`${[...lines, ...last].join('\n')}\n`))
  for (let round = 0; round < 2; round++) {
    const imported = await running.run('import', file, '--bucket', 'b')
    t.equal(imported.code, 0, imported.stderr)
    t.match(imported.stdout, /imported 502 records/)
  }
  const out = join(directory, 'out.gz')
  t.match((await running.run('export', out, '--bucket', 'b')).stderr, /exported 501 records/)
  const got = gunzipSync(readFileSync(out)).toString().trimEnd().split('\n')
  t.same(got.sort(), [...lines.slice(1), ...last].sort())
  const link = join(directory, 'link')
  const real = join(directory, 'real')
  writeFileSync(real, 'old', { mode: 0o640 })
  symlinkSync('real', link)
  t.equal((await running.run('export', link, '--bucket', 'b')).code, 0)
  t.ok(lstatSync(link).isSymbolicLink())
  t.equal(readFileSync(real, 'utf8').trimEnd().split('\n').length, 501)
  t.equal(statSync(real).mode & 0o777, 0o640)
  const pipe = join(directory, 'pipe')
  spawnSync('mkfifo', [pipe])
  const reader = spawn('cat', [pipe])
  let read = ''
  reader.stdout.on('data', (chunk) => (read += String(chunk)))
  const closed = new Promise((resolve) => reader.once('close', resolve))
  t.equal((await running.run('export', pipe, '--bucket', 'b')).code, 0)
  t.ok(statSync(pipe).isFIFO(), 'a pipe stays a pipe')
  reader.kill()
  await closed
  t.equal(read.trimEnd().split('\n').length, 501)
}

async function copies(t: Test, running: Running): Promise<void> {
  const line = '{"key":"p","siblings":[{"value":"one"},{"value":"two"}]}\n'
  for (let round = 0; round < 2; round++) {
    const { seeds } = running
    await run(['import', '--bucket', 'pair'], { seeds, input: line })
    const { stdout } = await running.run('export', '--bucket', 'pair')
    const found = JSON.parse(stdout).siblings.map((one: { value: string }) => one.value)
    t.same(found.sort(), ['one', 'two'])
  }
}

async function brokenLine(t: Test, running: Running): Promise<void> {
  const input = '{"key":"a","value":"1"}\n\n{"key":"b"}\n{"key":"c","value":"1"}\n'
  const broken = await run(['import', '--bucket', 'w'], { seeds: running.seeds, input })
  t.equal(broken.code, 2)
  t.match(broken.stderr, /line 3 has no value/)
  t.same((await running.run('keys', 'w')).stdout, 'a\n')
}

async function death(t: Test, running: Running, data: string): Promise<void> {
  process.kill(nodePid(data, 'node-2'), 'SIGKILL')
  await running.says(/node-2 ended unexpectedly, by SIGKILL/)
  await running.says(/2 of 3 nodes run[^]*serve --config .* --name node-2 --data \S+\n/)
  t.equal((await running.run('put', 'carts', 'anna', 'milk')).code, 0)
  t.equal((await running.run('get', 'carts', 'anna')).stdout, 'milk\n')
  const status = await running.run('status')
  t.equal(status.code, 3)
  t.match(status.stdout, /node-2 .*away/)
}

t.test('nodes stop when the process that started them has gone', async (t) => {
  const directory = join(t.testdir(), 'data')
  const running = await Running.start(directory, undefined, 1)
  running.signal('SIGKILL')
  await running.exit
  const log = join(directory, 'node-1.log')
  await until(
    () => readFileSync(log, 'utf8').includes('node-stopped'),
    () => 'the node still runs',
  )
  t.notOk(await isTaken(running.portBase))
})

t.test('a port that is taken is named, with what to do', async (t) => {
  const directory = t.testdir()
  const first = await Running.start(join(directory, 'a'), undefined, 1)
  const argv = ['dev', '--nodes', '1', '--port-base', String(first.portBase)]
  const second = await run([...argv, '--data', join(directory, 'b')])
  t.equal(second.code, 3)
  t.match(second.stderr, new RegExp(`127.0.0.1:${first.portBase}, .* taken.*--port-base`))
  await first.stop()
})

t.test('used wrongly, the command says how and exits 2', async (t) => {
  for (const argv of [['get'], ['nonsense'], ['get', 'a', 'b', '--nonsense'], ['import']]) {
    t.equal((await run(argv)).code, 2, argv.join(' '))
  }
  t.equal((await run(['get', 'a', 'b', '--timeout', 'soon'])).code, 2)
  t.equal((await run(['dev', '--nodes', '0', '--data', t.testdir()])).code, 2)
  const away = await run(['get', 'a', 'b', '--timeout', '300', '--json'], { seeds: '127.0.0.1:1' })
  t.equal(away.code, 3)
  t.equal(JSON.parse(away.stderr).error.code, 'not-connected')
  const help = await run(['serve', '--help'])
  t.equal(help.code, 0)
  t.match(help.stdout, /--key-file/)
})
