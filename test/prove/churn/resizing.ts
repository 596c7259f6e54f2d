/**
 * The operator of the proof: lets two nodes join a running cluster, and two of its members leave,
 * by the commands that an operator types, and waits each time until all places have moved.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressLabel } from '../../../src/world/network.ts'
import { type Ended, everwrite, type ServedCluster } from '../../support/served-cluster.ts'
import { sleep } from '../machine/faults.ts'

/** Between two looks at the status: each is a process, and takes time of the machine. */
const LOOK_MS = 1_500
/** Places have moved within that, or the proof fails. */
const WAIT_MS_MAX = 180_000
const COMMAND_MS_MAX = 60_000
/** Members adopt a table within that. */
const ADOPT_MS = '30000'
/** Another table may have been under way. */
const COMMITS_MAX = 5

/** What `cluster status --json` prints, of which these are looked at. */
interface Shown {
  readonly movesLeft: number
  readonly inEffect: { readonly number: number }
  readonly newest: { readonly number: number }
  readonly members: readonly {
    readonly name: string
    readonly isConnected: boolean
    /** Undefined where the member did not answer. */
    readonly givesAway?: number
  }[]
}

export class Resizing {
  readonly #cluster: ServedCluster
  #active: readonly number[]

  /** `active`: the nodes that are members. */
  constructor(cluster: ServedCluster, active: readonly number[]) {
    this.#cluster = cluster
    this.#active = active
  }

  get seeds(): readonly string[] {
    return this.#active.map((node) => addressLabel(this.#cluster.clientAddress(node)))
  }

  /** Resolves with their names when so many have joined and own what they should. */
  async grow(count: number): Promise<readonly string[]> {
    const joined: number[] = []
    for (let i = 0; i < count; i++) joined.push(await this.#join(this.#active[i] as number))
    this.#active = [...this.#active, ...joined]
    const at = this.#active[0] as number
    await this.#until('all are connected', at, ({ members }) => this.#isConnected(members))
    await this.#commit(at)
    await this.#until('all places have moved', at, (shown) => this.#hasMoved(shown))
    return joined.map((node) => this.#nameOf(node))
  }

  /** The members at these places, of the oldest first, leave. Resolves when they have ended. */
  async shrink(places: readonly number[]): Promise<readonly string[]> {
    const leavers = places.map((place) => this.#active[place] as number)
    const staying = this.#active.filter((node) => !leavers.includes(node))
    const at = staying[0] as number
    for (const node of leavers) await this.#run(at, 'leave', this.#nameOf(node))
    await this.#commit(at)
    const gone = (): boolean => leavers.every((node) => this.#cluster.pid(node) === -1)
    this.#active = staying
    await this.#until('the leavers have ended', at, (shown) => gone() && this.#hasMoved(shown))
    for (const node of leavers) this.#requireGone(node)
    return leavers.map((node) => this.#nameOf(node))
  }

  /** Removes what nodes that have ended left behind. */
  forget(): void {
    for (let node = 0; node < this.#cluster.size; node++) {
      if (this.#active.includes(node)) continue
      rmSync(this.#cluster.data(node), { recursive: true, force: true })
    }
  }

  async #join(through: number): Promise<number> {
    const node = await this.#cluster.add()
    const { code, stdout, stderr } = await this.#run(through, 'invite')
    if (code !== 0) throw new Error(`invite: ${stderr}`)
    const file = join(this.#cluster.root, `invitation-${node}`)
    writeFileSync(file, stdout, { mode: 0o600 })
    const to = addressLabel(this.#cluster.peerAddress(through))
    await this.#cluster.startNode(node, '--join', to, '--invitation', file)
    return node
  }

  async #commit(at: number): Promise<void> {
    for (let i = 1; ; i++) {
      const ended = await this.#command(at, 'commit', '--timeout', ADOPT_MS)
      // Where members have not adopted it yet the status tells when they have.
      if (ended.code === 0 || ended.code === 4) return
      const isLate = ended.stderr.includes('(ring-moved-on)')
      if (!isLate || i === COMMITS_MAX) throw new Error(`commit: ${ended.stderr}`)
    }
  }

  async #run(at: number, ...argv: readonly string[]): Promise<Ended> {
    const ended = await this.#command(at, ...argv)
    if (ended.code !== 0) throw new Error(`${argv.join(' ')}: ${ended.stderr}${ended.stdout}`)
    return ended
  }

  #command(at: number, ...argv: readonly string[]): Promise<Ended> {
    const asked = addressLabel(this.#cluster.clientAddress(at))
    const where = ['--seeds', this.seeds.join(','), '--at', asked]
    return everwrite(['cluster', ...argv, ...where], { limitMs: COMMAND_MS_MAX })
  }

  async #until(what: string, at: number, isSo: (shown: Shown) => boolean): Promise<void> {
    const giveUp = performance.now() + WAIT_MS_MAX
    for (;;) {
      const { code, stdout, stderr } = await this.#command(at, 'status', '--json')
      const shown: Shown | undefined = stdout === '' ? undefined : JSON.parse(stdout)
      if (shown !== undefined && isSo(shown)) return
      if (performance.now() > giveUp) {
        throw new Error(`not in time: ${what}: status ended with ${code}: ${stdout}${stderr}`)
      }
      await sleep(LOOK_MS)
    }
  }

  #isConnected(members: Shown['members']): boolean {
    const names = this.#active.map((node) => this.#nameOf(node))
    const shown = members.filter(({ isConnected }) => isConnected).map(({ name }) => name)
    return shown.length === names.length && names.every((name) => shown.includes(name))
  }

  #hasMoved({ movesLeft, inEffect, newest, members }: Shown): boolean {
    return (
      movesLeft === 0 &&
      inEffect.number === newest.number &&
      this.#isConnected(members) &&
      members.length === this.#active.length &&
      members.every(({ givesAway }) => givesAway === 0)
    )
  }

  #requireGone(node: number): void {
    if (this.#cluster.log(node).includes('member-gone')) return
    const end = this.#cluster.log(node).slice(-2_000)
    throw new Error(`${this.#nameOf(node)} ended, but not because it is gone:\n${end}`)
  }

  #nameOf(node: number): string {
    return (this.#cluster.members[node] as { readonly name: string }).name
  }
}
