/**
 * The proof `deletes` from its first put to its last read, in the process that can reach all nodes.
 *
 *     put all keys ∥ faults ─► copies of two disks ─► delete them ∥ faults, one disk emptied, one
 *     set back ─► all heal ─► the last deletes ─► tombstones go ∥ reads ─► scan ─► the other disk
 *     is set back, to before all deletes ─► scan, reads
 *
 * In the last step no node has a tombstone any more: only the floors tell that the keys are gone.
 */
import { Prng } from '../../../src/base/prng.ts'
import { type Client, connect } from '../../../src/index.ts'
import { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { Nodes, type Place, wordsOf } from '../machine/nodes.ts'
import { Blows, copyOf, emptyDisk, setBackDisk, type Struck } from './blows.ts'
import { figuresOf, line, ownedOf, type Rebuilt, untilQuiet } from './figures.ts'
import { getAll, type ReadBack, type ReadOptions, scanAll } from './read-back.ts'
import { seconds, type Waning, watchWaning } from './waning.ts'
import { Work } from './work.ts'

/** Plain data: it travels to the process that runs it. */
export interface DeletesPlan {
  readonly root: string
  readonly places: readonly Place[]
  readonly namespaces: readonly string[]
  readonly seed: number
  /** That are put and deleted. */
  readonly keys: number
  /** That stay. */
  readonly kept: number
  /** How long tombstones are waited for. */
  readonly waitMs: number
}

export interface DeletesResult {
  readonly deleted: number
  readonly deletedLate: number
  readonly deleteMs: number
  readonly faults: Readonly<Record<string, number>>
  readonly emptied: Rebuilt
  readonly setBack: Rebuilt
  readonly setBackLate: Rebuilt
  readonly waning: Waning
  readonly reads: number
  readonly back: number
  readonly lost: number
  /** Copies of each node in the end, and those that kept keys account for. */
  readonly keys: readonly number[]
  readonly owned: readonly number[]
  /** In the end, after the last disk was set back. */
  readonly leaves: readonly number[]
  readonly unexpected: readonly string[]
}

const CLIENTS = 2
const WINDOW = 48
const TIMES = { timeout: 5_000, attemptTimeout: 1_500, connectTimeout: 60_000 }
const KEPT_PAUSE_MS = 200
/** On a slow machine fewer keys are put: all phases together take eight minutes at most. */
const PUT_MS_MAX = 150_000
const QUIET_MS_MAX = 60_000
const LATE_MS_MAX = 60_000
const LOOK_MS = 500
/** The nodes whose disks lose something, and how many of the deletes are done by then. */
const EMPTIED = 1
const SET_BACK = 3
const SET_BACK_LATE = 4
const EMPTIED_AT = 0.05
const SET_BACK_AT = 0.4
/** The others wait until both are whole again. */
const HELD_FROM = 0.8
/** One in so many deleted keys is read once more in the end. */
const READ_AGAIN_EVERY = 10

export async function runDeletes(
  plan: DeletesPlan,
  say: (line: string) => void,
): Promise<DeletesResult> {
  const { root, places, namespaces, seed } = plan
  const caretaker = new Caretaker()
  const settings = { insecure: true }
  const nodes = new Nodes({ root, places, settings, n: 3, w: 2, r: 2 })
  const clients: Client[] = []
  try {
    await nodes.startAll()
    for (let i = 0; i < CLIENTS; i++) clients.push(await connect({ seeds: nodes.seeds, ...TIMES }))
    const struck = { nodes, caretaker, namespaces, say }
    return await new Run(plan, struck, clients, Prng.of(seed, 'deletes')).run()
  } finally {
    await Promise.all(clients.map((client) => client.close()))
    await nodes.end()
    await caretaker.end()
  }
}

class Run {
  readonly #plan: DeletesPlan
  readonly #struck: Struck
  readonly #blows: Blows
  readonly #work: Work
  readonly #reading: ReadOptions
  readonly #read: ReadBack = { reads: 0, back: new Set(), lost: new Set() }
  readonly #began = performance.now()
  #areDisksWhole = false

  constructor(plan: DeletesPlan, struck: Struck, clients: readonly Client[], prng: Prng) {
    this.#plan = plan
    this.#struck = struck
    this.#blows = new Blows(struck, prng)
    this.#work = new Work({ clients, window: WINDOW })
    this.#reading = { clients, window: WINDOW, say: struck.say }
  }

  async run(): Promise<DeletesResult> {
    const { keys, kept } = this.#plan
    const work = this.#work
    await this.#underFaults([work.putAll(keys, PUT_MS_MAX), work.keep(0, kept / 2, KEPT_PAUSE_MS)])
    this.#say(`${work.written} keys are put, ${work.uncertain} uncertain`)
    await this.#quiet()
    for (const node of [SET_BACK, SET_BACK_LATE]) await copyOf(this.#struck, node)
    await this.#quiet()
    this.#say('two disks are copied')
    const deleteBegan = performance.now()
    const disks = this.#loseDisks()
    await this.#underFaults([
      work.deleteAll((done) => this.#areDisksWhole || done < HELD_FROM * work.written),
      work.keep(kept / 2, kept, KEPT_PAUSE_MS),
      disks,
    ])
    const deleteMs = performance.now() - deleteBegan
    this.#say(`${work.deleted} keys are deleted, ${work.uncertain} uncertain`)
    // By then nothing of a put can still be on its way.
    await sleep(TIMES.timeout)
    await this.#quiet()
    await work.finish()
    this.#say(`${work.deletedLate} uncertain keys are deleted`)
    const failures = [...work.failures].map(([code, count]) => `${code} ${count}`).join(', ')
    this.#say(`operations that failed: ${failures || 'none'}`)
    const waning = await this.#wane()
    const late = await this.#setBackLate()
    return {
      ...{ ...(await disks), deleteMs, waning, ...late },
      ...{ deleted: work.deleted, deletedLate: work.deletedLate, faults: this.#blows.counts },
      reads: this.#read.reads,
      back: this.#read.back.size,
      lost: this.#read.lost.size,
      unexpected: this.#struck.nodes.unexpected.map(({ ended }) => wordsOf(ended)),
    }
  }

  /** Resolves when all work is done and no fault is left. */
  async #underFaults(work: readonly Promise<unknown>[]): Promise<void> {
    const blows = this.#blows.run()
    try {
      await Promise.race([Promise.all(work), blows.then(() => Promise.all(work))])
    } finally {
      this.#blows.end()
    }
    await blows
  }

  /** One disk is emptied, and once that is whole again another one is set back. */
  async #loseDisks(): Promise<Pick<DeletesResult, 'emptied' | 'setBack'>> {
    const keys = this.#work.written
    const struck = this.#struck
    const until = async (share: number): Promise<void> => {
      while (this.#work.deleted < share * keys) await sleep(LOOK_MS)
    }
    await until(EMPTIED_AT)
    const emptied = await this.#blows.alone(EMPTIED, () => emptyDisk(struck, EMPTIED))
    await until(SET_BACK_AT)
    const setBack = await this.#blows.alone(SET_BACK, () => setBackDisk(struck, SET_BACK))
    this.#areDisksWhole = true
    return { emptied, setBack }
  }

  /** Reads all keys while the tombstones go, and scans them afterwards. */
  async #wane(): Promise<Waning> {
    const { kept, waitMs } = this.#plan
    const { nodes, say } = this.#struck
    const { drawn, lastDeleteMs } = this.#work
    const reading = getAll(this.#reading, this.#read, { drawn, kept, step: 1 }).then(() =>
      this.#say(`every key was read at all owners: ${this.#found}`),
    )
    const [waning] = await Promise.all([watchWaning(nodes, lastDeleteMs, waitMs, say), reading])
    await scanAll(this.#reading, this.#read, kept)
    this.#say(`a scan of all owners: ${this.#found}`)
    say(line('keys', await figuresOf(nodes, 'keys')))
    say(line('owned', await ownedOf(nodes, kept)))
    return waning
  }

  /** A disk comes back on which no key was ever deleted. */
  async #setBackLate(): Promise<Pick<DeletesResult, 'setBackLate' | 'keys' | 'owned' | 'leaves'>> {
    const { kept } = this.#plan
    const { nodes, say } = this.#struck
    const setBackLate = await setBackDisk(this.#struck, SET_BACK_LATE)
    await this.#quiet()
    const { drawn } = this.#work
    await scanAll(this.#reading, this.#read, kept)
    this.#say(`a scan of all owners: ${this.#found}`)
    await getAll(this.#reading, this.#read, { drawn, kept, step: READ_AGAIN_EVERY })
    this.#say(`a part was read again at all owners: ${this.#found}`)
    const owned = await ownedOf(nodes, kept)
    const until = performance.now() + LATE_MS_MAX
    for (;;) {
      const [keys, leaves] = [
        await figuresOf(nodes, 'keys'),
        await figuresOf(nodes, 'deleted_leaves'),
      ]
      const isDone = keys.every((count, node) => count === owned[node] && leaves[node] === 0)
      if (isDone || performance.now() > until) {
        say(line('keys', keys))
        return { setBackLate, keys, owned, leaves }
      }
      await sleep(LOOK_MS)
    }
  }

  async #quiet(): Promise<void> {
    const { nodes } = this.#struck
    if (await untilQuiet(nodes, QUIET_MS_MAX)) return
    throw new Error('hints stay, or a node is away')
  }

  get #found(): string {
    const { reads, back, lost } = this.#read
    return `${reads} reads, ${back.size} came back, ${lost.size} lost`
  }

  #say(text: string): void {
    this.#struck.say(`${seconds(performance.now() - this.#began)}: ${text}`)
  }
}
