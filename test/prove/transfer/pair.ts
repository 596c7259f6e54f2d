/**
 * A node with all records, and one that joins and replaces it: all places of the first move to the
 * second.
 *
 * The first node runs alone on a copy of one filled directory, so each measurement begins from the
 * same files. The second is new each time.
 */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSettings } from '../../../src/cli/settings/settings.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import { addressLabel } from '../../../src/world/network.ts'
import type { Status } from '../../../src/wire/message/client.ts'
import { NodeSession } from '../../support/node-session.ts'
import { everwrite, ServedCluster } from '../../support/served-cluster.ts'
import { sleep } from '../machine/faults.ts'
import { fill } from './records.ts'

export const GIVER = 0
const N = 1
const SETTINGS = { n: N, r: N, w: N }
const LOOK_MS = 50
const READY_MS_MAX = 60_000
const COMMAND_MS_MAX = 60_000

export interface Taken {
  /** Of records, since the receiver started. */
  readonly bytes: number
  readonly copies: number
  /** Copies that it has. */
  readonly keys: number
  readonly repairs: number
}

export class Pair {
  readonly #cluster: ServedCluster
  readonly #filled: string
  /** The configuration of the first node. */
  readonly #plain: string
  #receiver = -1

  private constructor(cluster: ServedCluster, filled: string) {
    this.#cluster = cluster
    this.#filled = filled
    this.#plain = readFileSync(cluster.config, 'utf8')
  }

  /** Makes the filled directory. */
  static async make(records: number, say: (line: string) => void): Promise<Pair> {
    const cluster = await ServedCluster.start({ nodes: 1, settings: SETTINGS })
    await cluster.stopNode(GIVER)
    const began = performance.now()
    const flags = { name: 'node-1', data: cluster.data(GIVER) }
    const config = await readSettings({ file: cluster.config, environment: {}, flags })
    await fill(config, records, N)
    say(`${records} records written in ${((performance.now() - began) / 1000).toFixed(1)} s`)
    const filled = join(cluster.root, 'filled')
    renameSync(cluster.data(GIVER), filled)
    return new Pair(cluster, filled)
  }

  get root(): string {
    return this.#cluster.root
  }

  get filled(): string {
    return this.#filled
  }

  get receiver(): number {
    return this.#receiver
  }

  get giverAddress() {
    return this.#cluster.clientAddress(GIVER)
  }

  /** The first node starts on the filled directory; resolves when it has read its copies. */
  async begin(): Promise<void> {
    rmSync(this.#cluster.data(GIVER), { recursive: true, force: true })
    cpSync(this.#filled, this.#cluster.data(GIVER), { recursive: true })
    await this.#cluster.startNode(GIVER)
    await this.#built(GIVER)
  }

  /** A second node joins; it owns nothing yet. */
  async join(): Promise<void> {
    this.#receiver = await this.#cluster.add(SETTINGS)
    const { stdout } = await this.#operate('invite')
    const file = join(this.root, `invitation-${this.#receiver}`)
    writeFileSync(file, stdout, { mode: 0o600 })
    const to = addressLabel(this.#cluster.peerAddress(GIVER))
    await this.#cluster.startNode(this.#receiver, '--join', to, '--invitation', file)
    await this.#cluster.sees(this.#receiver)
    await this.#cluster.sees(GIVER)
    await this.#built(this.#receiver)
  }

  /** The second node is to own all that the first owns. Resolves when that is in effect. */
  async commit(): Promise<void> {
    await this.#operate('replace', 'node-1', this.#cluster.members[this.#receiver]?.name ?? '')
    await this.#operate('commit', '--timeout', '30000')
  }

  /** From its next start on the first node has these settings, too. */
  configure(settings: Readonly<Record<string, number>>): void {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
    writeFileSync(this.#cluster.config, `${lines.join('')}${this.#plain}`)
  }

  async kill(node: number): Promise<void> {
    await this.#cluster.killNode(node)
  }

  async restart(node: number): Promise<void> {
    await this.#cluster.startNode(node)
  }

  /** Ends both, and removes what they had. */
  async end(): Promise<void> {
    await this.#cluster.killAll()
    for (const node of [GIVER, this.#receiver]) {
      if (node >= 0) rmSync(this.#cluster.data(node), { recursive: true, force: true })
    }
    this.#receiver = -1
  }

  async stop(): Promise<void> {
    await this.#cluster.stop()
  }

  session(node: number): Promise<NodeSession> {
    return NodeSession.connect(this.#cluster.clientAddress(node))
  }

  /** Moves that are left, as the receiver knows; NaN where it does not answer. */
  async movesLeft(session: NodeSession): Promise<number> {
    const { movesLeft, movesDone } = await session.ask('clusterStatus', { deadlineMs: 5_000 })
    return movesLeft + movesDone === 0 ? Number.NaN : movesLeft
  }

  async #operate(...argv: readonly string[]): Promise<{ readonly stdout: string }> {
    const seeds = addressLabel(this.giverAddress)
    const options = { limitMs: COMMAND_MS_MAX }
    const ended = await everwrite(['cluster', ...argv, '--seeds', seeds, '--at', seeds], options)
    if (ended.code === 0) return ended
    throw new Error(`${argv.join(' ')}: ${ended.stderr}${ended.stdout}`)
  }

  async #built(node: number): Promise<void> {
    const session = await this.session(node)
    const until = performance.now() + READY_MS_MAX
    for (;;) {
      try {
        await session.ask('ranges', { untilEqual: false, withinMs: 0, deadlineMs: 1_000 })
        break
      } catch (error) {
        const isEarly = isOperatingError(error) && error.code === 'replica-rebuilding'
        if (!isEarly || performance.now() > until) throw error
        await sleep(LOOK_MS)
      }
    }
    session.close()
  }
}

export function takenOf({ figures }: Status): Taken {
  const of = (name: string): number => figures.find((one) => one.name === name)?.value ?? 0
  return {
    bytes: of('transfer_taken_bytes_total'),
    copies: of('transfer_copies_total'),
    keys: of('keys'),
    repairs: of('exchange_repairs_total'),
  }
}

export function givenOf({ figures }: Status): number {
  return figures.find(({ name }) => name === 'transfer_given_bytes_total')?.value ?? 0
}
