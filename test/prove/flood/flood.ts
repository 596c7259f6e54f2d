/**
 * What clients that ask for too much cost a node, and the others.
 *
 * Three nodes with the defaults. One client asks the first node for 4 GiB of answers and reads
 * none, one reads at 100 kB a second, 64 stop in the middle of a message, 2,000 do nothing; all at
 * once, beside 200 operations of 1 KiB a second of others, open loop: an operation counts from the
 * moment at which it was due. The figures are the node's memory above that with the others alone,
 * and the others' p99 beside that before, median of `--rounds N` (3). `--seconds N` (20) each.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bytes, type Client, connect } from '../../../src/index.ts'
import { VALUE_BYTES_MAX } from '../../../src/limits.ts'
import { LocalCluster } from '../../support/local-cluster.ts'
import { median } from '../../support/median.ts'
import type { Proof, Verdict } from '../proof.ts'

const RATE = 200
const KEYS = 1000
const VALUE_BYTES = 1024
const RSS_BAR_MIB = 256
const P99_BAR = 2
const SAMPLE_MS = 50

export const proof: Proof = {
  name: 'flood',
  shows: 'memory of a node, and latency of others, beside clients that ask for too much',
  usage: '[--rounds N] [--seconds N]',
  run,
}

interface Round {
  readonly aboveMib: number
  readonly ratio: number
  readonly slowBytes: number
  readonly cut: number
  readonly failed: number
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '20' },
    },
  })
  const rounds: Round[] = []
  for (let i = 0; i < Number(values.rounds); i++) {
    const round = await oneRound(Number(values.seconds))
    console.log(
      `round ${i + 1}: ${round.aboveMib} MiB above idle, others' p99 ${round.ratio.toFixed(2)} ` +
        `times that before, ${round.slowBytes} bytes to the slow reader, ${round.cut} cut`,
    )
    rounds.push(round)
  }
  const most = Math.max(...rounds.map(({ aboveMib }) => aboveMib))
  const ratio = median(rounds.map((round) => round.ratio))
  const cut = rounds.reduce((sum, round) => sum + round.cut, 0)
  const failed = rounds.reduce((sum, round) => sum + round.failed, 0)
  const isRead = rounds.every(({ slowBytes }) => slowBytes > 0)
  return {
    isMet: most <= RSS_BAR_MIB && ratio <= P99_BAR && cut === 0 && failed === 0 && isRead,
    figure:
      `at most ${most} MiB above idle (bar ${RSS_BAR_MIB}), others' p99 ${ratio.toFixed(2)} ` +
      `times that before, median of ${rounds.length} (bar ${P99_BAR}); ${cut} clients that read ` +
      `or idle were cut (bar 0), ${failed} operations of others failed (bar 0)`,
  }
}

async function oneRound(seconds: number): Promise<Round> {
  const cluster = await LocalCluster.start({ nodes: 3 })
  const client = await connect({ seeds: cluster.seeds })
  const hostile = new Hostile()
  try {
    const bucket = client.bucket(undefined, { codec: bytes })
    await bucket.put('large', new Uint8Array(VALUE_BYTES_MAX))
    const alone = new OpenLoop(client)
    await alone.run(3)
    const before = new OpenLoop(client)
    const idle = watchMemory(cluster.pid(0))
    await before.run(seconds)
    const idleMib = idle.stop()
    const beside = watchMemory(cluster.pid(0))
    await hostile.begin(cluster.config(0).clientListen.port)
    const during = new OpenLoop(client)
    await during.run(seconds)
    const told = await hostile.end()
    return {
      aboveMib: beside.stop() - idleMib,
      ratio: during.p99 / before.p99,
      slowBytes: told.slowBytes,
      cut: told.idleCut + (told.isSlowCut ? 1 : 0),
      failed: before.failed + during.failed,
    }
  } finally {
    hostile.kill()
    await client.close()
    await cluster.stop()
  }
}

/** The process of the hostile clients. */
class Hostile {
  #child: ChildProcessWithoutNullStreams | undefined

  async begin(port: number): Promise<void> {
    const path = fileURLToPath(new URL('hostile.js', import.meta.url))
    const child = spawn(process.execPath, [path, String(port)])
    child.stderr.pipe(process.stderr)
    this.#child = child
    await once(child.stdout, 'data')
  }

  async end(): Promise<{ slowBytes: number; isSlowCut: boolean; idleCut: number }> {
    const child = this.#child
    if (child === undefined) throw new Error('it was not begun')
    child.stdin.end()
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return JSON.parse(line.toString())
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
  }
}

/** Gets and puts in turn at a fixed rate, whether or not those before were answered. */
class OpenLoop {
  readonly #client: Client
  readonly #latencies: number[] = []
  failed = 0

  constructor(client: Client) {
    this.#client = client
  }

  async run(seconds: number): Promise<void> {
    const bucket = this.#client.bucket('flood', { codec: bytes })
    const value = new Uint8Array(VALUE_BYTES).fill(1)
    const started = performance.now()
    const all: Promise<void>[] = []
    for (let i = 0; i < seconds * RATE; i++) {
      const due = started + (i * 1000) / RATE
      const wait = due - performance.now()
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
      const key = `key-${i % KEYS}`
      const operation = i % 2 === 0 ? bucket.put(key, value, { replace: 'seen' }) : bucket.get(key)
      all.push(this.#count(operation, due))
    }
    await Promise.all(all)
  }

  get p99(): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length * 0.99)] as number
  }

  async #count(operation: Promise<unknown>, due: number): Promise<void> {
    try {
      await operation
      this.#latencies.push(performance.now() - due)
    } catch {
      this.failed += 1
    }
  }
}

/** Samples a process's resident memory; `stop` returns the most, in MiB. */
function watchMemory(pid: number): { stop(): number } {
  let most = 0
  const timer = setInterval(() => {
    const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    most = Math.max(most, kib)
  }, SAMPLE_MS)
  return {
    stop: () => {
      clearInterval(timer)
      return Math.round(most / 1024)
    },
  }
}
