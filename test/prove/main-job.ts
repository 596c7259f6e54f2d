/**
 * Shows the main job: a real data set goes in while a node is away, and all of it comes out.
 *
 *     import FILE │ at a third: SIGKILL node 2 │ at two thirds: start it again │ end
 *     read back through each node │ SIGKILL all, start them, read │ import again, read
 *
 * Nodes and imports are the product's own command in processes of their own. The file is read here
 * by other code than the command's, and each node is asked directly, so that it coordinates every
 * read itself. How far an import is, is seen from outside: node 1 owns a copy of every key, and of
 * the keys that it holds all but those in flight have been acknowledged.
 */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { gunzipSync, gzipSync } from 'node:zlib'
import { equalBytes, latin1Of, utf8Bytes } from '../../src/base/bytes.ts'
import { isOperatingError } from '../../src/base/errors.ts'
import type { GetReply } from '../../src/wire/message/client.ts'
import { NodeSession } from '../support/node-session.ts'
import { type Ended, everwrite, ServedCluster } from '../support/served-cluster.ts'
import { CannotRun, type Proof, type Verdict } from './proof.ts'

export const proof: Proof = {
  name: 'main-job',
  shows: 'a real data set survives a killed node, a killed cluster and a second import',
  usage: 'FILE',
  run: async ([file]) => {
    if (file === undefined) {
      throw new CannotRun('name a file of records: npm run prove -- main-job FILE (or -)')
    }
    return mainJob({ file, say: (line) => console.log(line) })
  },
}

export interface JobOptions {
  /** The path of records, plain or gzip; `-` for standard input. */
  readonly file: string
  readonly say: (line: string) => void
  /** Puts in flight in an import: 128. */
  readonly window?: number
}

interface Item {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

const BUCKET = utf8Bytes('packages')
const WINDOW = 128
const READS_IN_FLIGHT = 128
/** Of one import, and of one pass of reads: a proof that hangs is no proof. */
const STEP_MS_MAX = 600_000
const POLL_MS = 5
/** A node that has just come back may want a moment: a get may be refused this often. */
const READ_ATTEMPTS = 50
const RETRY_MS = 100

export async function mainJob(options: JobOptions): Promise<Verdict> {
  const bytes = readFileSync(options.file === '-' ? 0 : options.file)
  const { lines, items } = itemsOf(bytes)
  const cluster = await ServedCluster.start({ nodes: 3 })
  try {
    return await new Job(options, cluster, bytes, lines, items).run()
  } finally {
    await cluster.stop()
  }
}

/** The records of the file, each key once with the last value that the file gives it. */
function itemsOf(bytes: Uint8Array): { readonly lines: number; readonly items: readonly Item[] } {
  const plain = isGzip(bytes) ? gunzipSync(bytes) : Buffer.from(bytes)
  const items = new Map<string, Item>()
  let lines = 0
  for (const line of plain.toString('utf8').split('\n')) {
    if (line.trim() === '') continue
    lines += 1
    const { key, key64, value, value64 } = JSON.parse(line) as Record<string, string>
    const item = { key: bytesOf(key, key64), value: bytesOf(value, value64) }
    items.set(latin1Of(item.key), item)
  }
  if (lines < 3) throw new CannotRun('the file has fewer than three records: nothing is shown')
  return { lines, items: [...items.values()] }
}

function bytesOf(text: string | undefined, base64: string | undefined): Uint8Array {
  if (text !== undefined) return utf8Bytes(text)
  if (base64 !== undefined) return Buffer.from(base64, 'base64')
  throw new CannotRun('a record of the file has no key or not one value: see everwrite import')
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** What reading everything back through one node came to. */
class Tally {
  missing = 0
  wrong = 0
  siblings = 0
  retries = 0

  get isClean(): boolean {
    return this.missing + this.wrong + this.siblings === 0
  }

  count(item: Item, reply: GetReply): void {
    const [first, ...others] = reply.siblings
    if (first === undefined) this.missing += 1
    else if (others.length > 0 || reply.tombstones > 0) this.siblings += 1
    else if (!equalBytes(first, item.value)) this.wrong += 1
  }

  add(other: Tally): void {
    this.missing += other.missing
    this.wrong += other.wrong
    this.siblings += other.siblings
    this.retries += other.retries
  }

  get text(): string {
    const { missing, wrong, siblings, retries } = this
    return (
      `${missing} missing, ${wrong} wrong, ${siblings} with siblings, ` +
      `${retries} reads repeated`
    )
  }
}

class Job {
  readonly #options: JobOptions
  readonly #cluster: ServedCluster
  readonly #file: Uint8Array
  readonly #lines: number
  readonly #items: readonly Item[]
  readonly #window: number
  readonly #total = new Tally()
  readonly #seconds: string[] = []
  #refused = 0

  constructor(
    options: JobOptions,
    cluster: ServedCluster,
    file: Uint8Array,
    lines: number,
    items: readonly Item[],
  ) {
    this.#options = options
    this.#cluster = cluster
    this.#file = file
    this.#lines = lines
    this.#items = items
    this.#window = options.window ?? WINDOW
  }

  async run(): Promise<Verdict> {
    const cluster = this.#cluster
    const began = performance.now()
    const isKilledInTime = await this.#timed('import', () => this.#importWhileAway())
    await this.#timed('reads', () => this.#readThroughAll('after the import'))
    await this.#timed('restart', async () => {
      await cluster.killAll()
      await Promise.all(cluster.members.map((_, node) => cluster.startNode(node)))
    })
    await this.#timed('reads', () => this.#readThroughAll('after SIGKILL of all three'))
    await this.#timed('second import', () => this.#importAgain())
    await this.#timed('reads', () => this.#readThroughAll('after the second import'))
    const { missing, wrong, siblings } = this.#total
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    const when = isKilledInTime ? '' : 'the import ended before node-2 was killed and back; '
    return {
      isMet: isKilledInTime && this.#refused === 0 && this.#total.isClean,
      figure:
        `${when}${this.#items.length} records, through each of 3 nodes, three times: ` +
        `${this.#refused} refused, ${missing} missing, ${wrong} wrong, ${siblings} with siblings ` +
        `(bar: 0 each); ${this.#seconds.join(', ')}; ${seconds} s in all`,
    }
  }

  /** Whether the node was killed and asked to start again while the import ran. */
  async #importWhileAway(): Promise<boolean> {
    const cluster = this.#cluster
    const { file } = this.#options
    const importing =
      file === '-' ? this.#import(undefined, this.#file) : this.#import(file, undefined)
    const run = { isOver: false }
    const over = importing.finally(() => (run.isOver = true))
    const watcher = await NodeSession.connect(cluster.clientAddress(0))
    const count = this.#items.length
    const killAt = await this.#reached(watcher, Math.ceil(count / 3), run)
    await cluster.killNode(1)
    const startAt = await this.#reached(watcher, Math.ceil((2 * count) / 3), run)
    const isInTime = !run.isOver
    await cluster.startNode(1)
    this.#options.say(
      `node-2 killed with ${killAt} of ${count} keys written, started with ${startAt}`,
    )
    watcher.close()
    this.#judgeImport(await over)
    return isInTime
  }

  /** Through standard input this time, and packed the other way. */
  async #importAgain(): Promise<void> {
    const other = isGzip(this.#file) ? gunzipSync(this.#file) : gzipSync(this.#file)
    this.#judgeImport(await this.#import(undefined, other))
  }

  #import(file: string | undefined, input: Uint8Array | undefined): Promise<Ended> {
    const argv = ['import', ...(file === undefined ? [] : [file]), '--bucket', 'packages', '--json']
    const seeds = this.#cluster.seeds.join(',')
    const all = [...argv, '--seeds', seeds, '--window', String(this.#window)]
    return everwrite(all, { input, limitMs: STEP_MS_MAX })
  }

  #judgeImport({ code, stdout, stderr }: Ended): void {
    const told =
      code === 0 ? (JSON.parse(stdout) as { records: number; seconds: number }) : undefined
    const rate = told === undefined ? 0 : Math.round(told.records / told.seconds)
    this.#options.say(`import ended with ${code}: ${told?.records ?? 0} records, ${rate} a second`)
    if (stderr !== '') this.#options.say(stderr.trimEnd())
    this.#refused += this.#lines - (told?.records ?? 0)
  }

  /** The keys written, once `acknowledged` of them certainly are, or the import is over. */
  async #reached(
    watcher: NodeSession,
    acknowledged: number,
    run: { readonly isOver: boolean },
  ): Promise<number> {
    for (;;) {
      const keys = await watcher.figure('keys')
      if (keys >= acknowledged + this.#window || run.isOver) return keys
      await pause(POLL_MS)
    }
  }

  async #readThroughAll(when: string): Promise<void> {
    for (let node = 0; node < this.#cluster.size; node++) {
      const tally = await this.#readThrough(node)
      this.#options.say(`${when}, through node-${node + 1}: ${tally.text}`)
      this.#total.add(tally)
    }
  }

  /** Reads every key, this node coordinating, and judges what comes. */
  async #readThrough(node: number): Promise<Tally> {
    const session = await NodeSession.connect(this.#cluster.clientAddress(node))
    const tally = new Tally()
    const until = performance.now() + STEP_MS_MAX
    let next = 0
    const work = async (): Promise<void> => {
      for (let item = this.#items[next++]; item !== undefined; item = this.#items[next++]) {
        if (performance.now() > until) throw new Error('reading back takes too long')
        await readOne(session, item, tally)
      }
    }
    await Promise.all(Array.from({ length: READS_IN_FLIGHT }, work))
    session.close()
    return tally
  }

  async #timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const result = await work()
    this.#seconds.push(`${what} ${((performance.now() - began) / 1000).toFixed(1)} s`)
    return result
  }
}

/** As a client does, a read is repeated while its refusal says that it may succeed. */
async function readOne(session: NodeSession, item: Item, tally: Tally): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      tally.count(item, await session.get(BUCKET, item.key))
      return
    } catch (error) {
      if (!isOperatingError(error) || !error.isRetryable || attempt === READ_ATTEMPTS) throw error
      tally.retries += 1
      await pause(RETRY_MS)
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
