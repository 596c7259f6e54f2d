/**
 * A flood of mutated frames on real sockets, while clients that keep the rules are served.
 *
 * Many connections at once to one node, three in four to its port for clients, the others to that
 * for peers with the right cluster key. Each says a good or a damaged handshake, then a run of
 * damaged requests in one write, and ends: with a question whose answer shows that all before it
 * was looked at, with damage that costs the connection, or with a reset in the middle.
 */
import { existsSync, readFileSync } from 'node:fs'
import { equalBytes, utf8Bytes } from '../../../src/base/bytes.ts'
import { Prng } from '../../../src/base/prng.ts'
import { bytes, connect } from '../../../src/index.ts'
import { NodeSession } from '../../support/node-session.ts'
import { ServedCluster } from '../../support/served-cluster.ts'
import { Attacker, Refused } from './attacker.ts'
import { CannotRun, type Verdict } from '../proof.ts'

export interface FloodOptions {
  readonly frames: number
  readonly seed: number
  readonly say: (line: string) => void
}

const CONNECTIONS = 32
const WARM_UP_FRAMES = 10_000
const RSS_GROWTH_MAX = 0.1
/** A short flood ends before the node's heap has come to rest: it may grow more. */
const RSS_GROWTH_MAX_SHORT = 0.25
const RULE_KEEPERS = 4
const PAUSE_MS = 5

export async function flood(options: FloodOptions): Promise<Verdict> {
  const { frames, seed, say } = options
  if (!existsSync('/proc/self/status')) throw new CannotRun('/proc is missing: run it on Linux')
  const cluster = await ServedCluster.start({ nodes: 3, isCollecting: true })
  const keepers = new RuleKeepers()
  try {
    const pid = cluster.pid(0)
    const attacker = await Attacker.begin(cluster)
    await keepers.begin(cluster)
    const began = performance.now()
    const warmUp = Math.min(WARM_UP_FRAMES, Math.ceil(frames / 2))
    await attack(attacker, seed, warmUp)
    const before = await memoryOf(cluster)
    for (let target = warmUp; target < frames; ) {
      target = Math.min(frames, target + WARM_UP_FRAMES)
      await attack(attacker, seed + target, target)
      say(`${attacker.sent} frames, ${mebibytes(rssBytes(pid))} MiB resident`)
    }
    await keepers.end()
    const seconds = (performance.now() - began) / 1000
    const isUp = cluster.pid(0) === pid && cluster.pid(1) !== -1 && cluster.pid(2) !== -1
    if (!isUp) say(cluster.log(0).slice(-4_000))
    const after = isUp ? await memoryOf(cluster) : GONE
    return judge({ attacker, keepers, isUp, before, after, frames, seconds }, options)
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof Error && 'syscall' in error)) throw error
    say(cluster.log(0).slice(-4_000))
    return { isMet: false, figure: `the flood ended early: ${error.message}` }
  } finally {
    await keepers.end()
    await cluster.stop()
  }
}

/** Bytes of a node that are resident: as they were, and once its garbage was collected. */
interface Memory {
  readonly asFound: number
  readonly collected: number
}

const GONE: Memory = { asFound: Number.NaN, collected: Number.NaN }

async function memoryOf(cluster: ServedCluster): Promise<Memory> {
  const pid = cluster.pid(0)
  const asFound = rssBytes(pid)
  await cluster.collectGarbage(0)
  return { asFound, collected: rssBytes(pid) }
}

interface Flooded {
  readonly attacker: Attacker
  readonly keepers: RuleKeepers
  readonly isUp: boolean
  readonly before: Memory
  readonly after: Memory
  readonly frames: number
  readonly seconds: number
}

function judge(flooded: Flooded, { say, seed }: FloodOptions): Verdict {
  const { attacker, keepers, isUp, before, after, frames, seconds } = flooded
  const growth = after.collected / before.collected - 1
  const growthMax = frames >= 2 * WARM_UP_FRAMES ? RSS_GROWTH_MAX : RSS_GROWTH_MAX_SHORT
  const words = [...attacker.words].sort((a, b) => b[1] - a[1])
  say(`told: ${words.map(([word, count]) => `${word} ${count}`).join(', ')}`)
  const mib = ({ asFound, collected }: Memory): string =>
    `${mebibytes(collected)} MiB (${mebibytes(asFound)} with garbage)`
  say(`resident: ${mib(before)} after the first frames, ${mib(after)} at the end`)
  // What the node does not foresee it would call internal, or not answer at all.
  const unforeseen = attacker.words.get('internal') ?? 0
  for (const failure of keepers.failures.slice(0, 5)) say(`a client was refused: ${failure}`)
  return {
    isMet:
      isUp &&
      growth <= growthMax &&
      keepers.failures.length === 0 &&
      keepers.served > 0 &&
      unforeseen === 0 &&
      attacker.unanswered === 0,
    figure:
      `${attacker.sent} mutated frames on ${attacker.connections} connections (seed ${seed}): ` +
      `the process is ${isUp ? 'up' : 'DOWN'}, ${unforeseen} unforeseen errors, ` +
      `${attacker.unanswered} connections dead, RSS ${(100 * growth).toFixed(1)} % more ` +
      `(bar ${100 * growthMax} %), ${keepers.failures.length} of ${keepers.served} gets and puts ` +
      `of others failed (bar 0), the slowest took ${keepers.slowestMs.toFixed(0)} ms; ` +
      `${seconds.toFixed(0)} s`,
  }
}

/** Until `target` frames have been sent in all. */
async function attack(attacker: Attacker, seed: number, target: number): Promise<void> {
  const work = async (index: number): Promise<void> => {
    const prng = Prng.of(seed, `connection ${index}`)
    while (attacker.sent < target) await attacker.converse(prng)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => work(index)))
}

function rssBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
}

function mebibytes(count: number): string {
  return (count / 1024 / 1024).toFixed(1)
}

/** Clients that write and read back what they wrote, all the while; half ask the node itself. */
class RuleKeepers {
  readonly failures: string[] = []
  served = 0
  slowestMs = 0
  #isOver = false
  #loops: Promise<void>[] = []

  async begin(cluster: ServedCluster): Promise<void> {
    const bucket = utf8Bytes('kept')
    for (let i = 0; i < RULE_KEEPERS; i++) {
      const key = utf8Bytes(`rule keeper ${i}`)
      if (i % 2 === 0) {
        const client = await connect({ seeds: cluster.seeds })
        const kept = client.bucket('kept', { codec: bytes })
        const put = (value: Uint8Array) => kept.put(key, value, { replace: 'seen' })
        const get = () => kept.get(key)
        this.#loops.push(this.#loop(put, get).finally(() => void client.close()))
      } else {
        const session = await NodeSession.connect(cluster.clientAddress(0))
        const put = (value: Uint8Array) => session.put(bucket, key, value, { replace: 'seen' })
        const get = () => session.get(bucket, key)
        this.#loops.push(this.#loop(put, get).finally(() => session.close()))
      }
    }
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
    this.#loops = []
  }

  async #loop(
    put: (value: Uint8Array) => Promise<unknown>,
    get: () => Promise<{ readonly siblings: readonly Uint8Array[] }>,
  ): Promise<void> {
    for (let round = 0; !this.#isOver; round++) {
      const value = utf8Bytes(`round ${round}`)
      try {
        await this.#timed(() => put(value))
        const { siblings } = await this.#timed(get)
        const isOurs = siblings.length === 1 && equalBytes(siblings[0] as Uint8Array, value)
        if (!isOurs) this.failures.push(`round ${round} read ${siblings.length} siblings`)
      } catch (error) {
        this.failures.push(String(error))
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  async #timed<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const result = await work()
    this.slowestMs = Math.max(this.slowestMs, performance.now() - began)
    this.served += 1
    return result
  }
}
