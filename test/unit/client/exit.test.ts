/** A program ends when its client is closed, also while a node is stopped in any phase. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { ServedCluster } from '../../support/served-cluster.ts'

/** A handshake may take 5,000 ms, and so may a goodbye: what waits for either takes longer. */
const EXIT_MS_MAX = 4_000
const LIBRARY = new URL('../../../src/index.js', import.meta.url).href

/**
 * Starts a program that imports the library and prints at its end how many milliseconds ago it last
 * called `begin`, so that the start of a process does not count.
 */
function program(seeds: readonly string[], body: string): ChildProcess {
  const script = `
    import { connect } from ${JSON.stringify(LIBRARY)}
    import { writeSync } from 'node:fs'
    const seeds = ${JSON.stringify(seeds)}
    let began = performance.now()
    const begin = () => { began = performance.now() }
    process.on('exit', () => writeSync(1, String(Math.round(performance.now() - began))))
    ${body}
  `
  const argv = ['--input-type=module', '-e', script]
  return spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
}

/** What the program prints, as a number, after it has ended by itself. */
async function exitMs(child: ChildProcess): Promise<number> {
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  t.equal(code, 0, 'the program ends by itself')
  return Number(output)
}

t.test('a program ends with its client while a node is stopped', async (t) => {
  const cluster = await ServedCluster.start({ nodes: 3 })
  t.teardown(() => cluster.stop())
  const seeds = cluster.seeds
  const stopped = cluster.pid(2)
  t.teardown(() => cluster.killNode(2))

  const between = program(
    seeds,
    `const client = await connect({ seeds })
    for (const key of 'abcdefgh') await client.get(key)
    process.stdout.write('0')
    await new Promise((resolve) => process.stdin.once('data', resolve))
    process.stdin.destroy()
    begin()
    await client.close()`,
  )
  await once(between.stdout as NodeJS.ReadableStream, 'data')
  process.kill(stopped, 'SIGSTOP')
  between.stdin?.write('go')
  const afterHandshake = await exitMs(between)
  t.ok(afterHandshake < EXIT_MS_MAX, `after the handshake: ${afterHandshake} ms`)

  const during = program(
    seeds,
    `const client = await connect({ seeds })
    begin()
    await client.close()`,
  )
  const inHandshake = await exitMs(during)
  t.ok(inHandshake < EXIT_MS_MAX, `in the handshake: ${inHandshake} ms`)

  const failing = program(
    seeds.slice(2),
    `const options = { seeds, connectTimeout: 500 }
    await connect(options).then(() => process.exit(9), begin)`,
  )
  const afterFailure = await exitMs(failing)
  t.ok(afterFailure < EXIT_MS_MAX, `after a failed connect: ${afterFailure} ms`)

  const aborted = program(
    seeds.slice(2),
    `const options = { seeds, timeout: 60_000, signal: AbortSignal.timeout(200) }
    begin()
    await connect(options).then(() => process.exit(9), () => undefined)`,
  )
  const afterAbort = await exitMs(aborted)
  t.ok(afterAbort < EXIT_MS_MAX, `after an aborted connect: ${afterAbort} ms`)
})
