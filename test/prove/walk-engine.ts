/**
 * The proof `walk-engine`: the page "write your own storage engine", followed as it stands.
 *
 * Its engine and its configuration are copied out of the page into an empty folder. The engine must
 * keep every claim of the contract, and must not once a sync is taken out of it. Then three nodes
 * chosen by that configuration alone take puts, answer gets, and keep them through `kill -9`.
 * The package is linked into the folder; that it installs is what the proof `package` shows.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, until } from './command/running.ts'
import { type Ended, run } from './package/project.ts'
import type { Proof, Verdict } from './proof.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGE = 'docs/write-an-engine.md'
const ENGINE_LINES_MAX = 149
const KEYS = 100
/** Of the page's configuration. */
const PORTS = { client: 7400, peer: 7500 }

class Walk {
  readonly #folder: string
  readonly #portBase: number
  readonly #nodes = new Map<number, ChildProcess>()

  constructor(folder: string, portBase: number) {
    this.#folder = folder
    this.#portBase = portBase
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(ROOT, join(folder, 'node_modules/everwrite'))
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  }

  save(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text, { mode: 0o600 })
  }

  everwrite(...argv: readonly string[]): Promise<Ended> {
    const command = [process.execPath, 'node_modules/everwrite/dist/src/cli/main.js', ...argv]
    const env = { EVERWRITE_SEEDS: `127.0.0.1:${this.#portBase}` }
    return run(command, { folder: this.#folder, env })
  }

  /** Resolves when the node is ready. */
  async serve(node: number): Promise<void> {
    const main = 'node_modules/everwrite/dist/src/cli/main.js'
    const member = ['--name', `node-${node}`, '--data', `data-${node}`]
    const argv = [main, 'serve', '--config', 'cluster.toml', ...member]
    const child = spawn(process.execPath, argv, { cwd: this.#folder })
    let output = ''
    child.stdout.on('data', (chunk) => (output += String(chunk)))
    child.stderr.on('data', (chunk) => (output += String(chunk)))
    this.#nodes.set(node, child)
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`node ${node} ended: ${output}`)
        return output.includes('is ready')
      },
      () => `node ${node} is not ready: ${output}`,
    )
  }

  async end(node: number, signal: NodeJS.Signals): Promise<void> {
    const child = this.#nodes.get(node)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill(signal)
    await ended
  }

  async endAll(): Promise<void> {
    for (const node of this.#nodes.keys()) await this.end(node, 'SIGTERM')
  }
}

/** The one block of the page that is in this language. */
function blockOf(page: string, language: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))]
  const [block] = blocks
  if (block === undefined || blocks.length > 1) {
    throw new Error(`${PAGE} has ${blocks.length} blocks of ${language}, not one`)
  }
  return block[1] as string
}

function must(isTrue: boolean, what: string, { output }: Ended): void {
  if (!isTrue) throw new Error(`${what}:\n${output}`)
}

/** Checks the engine, and the same engine without one sync; returns the suite's last line. */
async function check(walk: Walk, engine: string, promised: string): Promise<string> {
  const sound = await walk.everwrite('test-engine', './journal.js')
  must(sound.code === 0, 'a claim does not hold', sound)
  must(sound.output.includes(promised), `the page promises "${promised}"`, sound)
  const sync = '      await this.file.sync()\n'
  if (!engine.includes(sync)) throw new Error('the engine of the page syncs elsewhere')
  walk.save('broken.js', engine.replace(sync, ''))
  const broken = await walk.everwrite('test-engine', './broken.js')
  must(
    broken.code !== 0 && broken.output.includes('FAILED  a power cut'),
    'an engine that does not sync passes',
    broken,
  )
  return promised
}

/** Puts and gets while a node is killed and comes back, then with all killed and back. */
async function serve(walk: Walk): Promise<void> {
  for (const node of [1, 2, 3]) await walk.serve(node)
  const records = Array.from({ length: KEYS }, (_, i) =>
    JSON.stringify({ key: `key-${i}`, value: `value-${i}` }),
  )
  walk.save('records.jsonl', `${records.join('\n')}\n`)
  const put = await walk.everwrite('put', 'carts', 'anna', 'tea')
  must(put.code === 0, 'a put fails', put)
  await walk.end(3, 'SIGKILL')
  const imported = await walk.everwrite('import', '--bucket', 'fruit', 'records.jsonl')
  must(imported.code === 0, 'puts fail while one node is away', imported)
  await walk.serve(3)
  for (const node of [1, 2, 3]) await walk.end(node, 'SIGKILL')
  for (const node of [1, 2, 3]) await walk.serve(node)
  const got = await walk.everwrite('get', 'carts', 'anna')
  must(got.code === 0 && got.output.includes('tea'), 'a get finds something else', got)
  const exported = await walk.everwrite('export', '--bucket', 'fruit')
  for (let i = 0; i < KEYS; i++) {
    must(exported.output.includes(`"value-${i}"`), `value-${i} is gone`, exported)
  }
}

async function prove(): Promise<Verdict> {
  const page = readFileSync(join(ROOT, PAGE), 'utf8')
  const engine = blockOf(page, 'js')
  const lines = engine.trimEnd().split('\n').length
  const promised = blockOf(page, 'text').trim()
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-engine-'))
  const portBase = await freePorts()
  const walk = new Walk(folder, portBase)
  const port = (_: string, which: 'client' | 'peer', given: string): string =>
    `${which}-port = ${Number(given) - PORTS.client + portBase}`
  try {
    walk.save('journal.js', engine)
    walk.save('cluster.toml', blockOf(page, 'toml').replace(/(client|peer)-port = (\d+)/g, port))
    walk.save('cluster.key', `${'0123456789abcdef'.repeat(2)}\n`)
    const told = await check(walk, engine, promised)
    await serve(walk)
    const figure = `${told}; ${KEYS + 1} puts kept by three nodes through kill -9; ${lines} lines`
    return { isMet: lines <= ENGINE_LINES_MAX, figure: `${figure} (bar: under 150)` }
  } finally {
    await walk.endAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const proof: Proof = {
  name: 'walk-engine',
  shows: 'the engine of the page on engines keeps the contract and serves a cluster',
  run: prove,
}
