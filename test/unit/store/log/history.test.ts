/**
 * Random histories of appends, crashes and failures, over segments of 400 bytes.
 *
 * After every reopening the log must hold every batch up to the last one whose `synced` had
 * resolved; of later ones it may hold any, each whole, and nothing else.
 */
import t, { type Test } from 'tap'
import { keyName } from '../../../../src/dynamo/names.ts'
import type { Engine, Entry } from '../../../../src/store/engine.ts'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { contents, erasure, put, textOf } from '../../../../src/store/conformance/subject.ts'
import { hasCode } from '../../../../src/store/files.ts'
import { Lab } from '../lab.ts'

interface Batch {
  /** Undefined: erased. */
  readonly changes: readonly (readonly [key: string, text: string | undefined])[]
  isSynced: boolean
}

/** What happens beside crashes. */
type Harm = 'none' | 'faults' | 'full' | 'changing'

const KEYS = 12

class History {
  readonly lab: Lab
  readonly batches: Batch[] = []
  /** Crashes that took some batches and left some that were not synced. */
  gaps = 0
  /** Appends for which there was no room. */
  refused = 0
  /** Counts up, so that no two values are alike. */
  #value = 0

  constructor(seed: number) {
    this.lab = new Lab(seed, { residentChance: 0.5 })
  }

  append(engine: Engine): void {
    const { prng } = this.lab
    const changes: (readonly [string, string | undefined])[] = []
    for (let i = prng.chance(0.3) ? prng.between(2, 4) : 1; i > 0; i--) {
      const length = prng.chance(0.05) ? prng.between(300, 9000) : prng.between(0, 60)
      const text = `${++this.#value}`.padEnd(length, '.')
      changes.push([`k${prng.below(KEYS)}`, prng.chance(0.2) ? undefined : text])
    }
    const entries = changes.map(([key, text]): Entry => {
      return text === undefined ? erasure(keyName('b', key)) : put(keyName('b', key), text)
    })
    const batch: Batch = { changes, isSynced: false }
    let sequence: number
    try {
      sequence = engine.append(entries, { mayUseReserve: prng.chance(0.3) })
    } catch (error) {
      if (!isOperatingError(error) || error.code !== 'disk-full') throw error
      this.refused += 1
      return
    }
    this.batches.push(batch)
    engine.synced(sequence).then(
      () => {
        batch.isSynced = true
      },
      () => undefined,
    )
  }

  /** Finds out which batches are there, and forgets the others. */
  async check(t: Test, engine: Engine, what: string): Promise<void> {
    const found = await contents(engine)
    const synced = this.batches.findLastIndex((batch) => batch.isSynced) + 1
    const kept = keptOf(this.batches.slice(synced), found)
    const all = this.batches.length
    this.batches.splice(synced, all, ...kept)
    const wanted = stateAfter(this.batches)
    if (JSON.stringify([...wanted]) !== JSON.stringify([...found])) {
      t.fail(`${what}: the contents are not all that was synced, with whole batches of the rest`, {
        found: JSON.stringify([...found]),
        nearest: JSON.stringify([...wanted]),
        trace: this.lab.sim.trace.lines(60),
      })
      throw new Error(what)
    }
    if (all > this.batches.length) this.gaps += kept.length > 0 ? 1 : 0
    for (const batch of this.batches) batch.isSynced = true
    for (let i = 0; i < KEYS; i++) {
      const key = `k${i}`
      if ((await textOf(engine, key)) !== wanted.get(key)) t.fail(`${what}: get ${key}`)
    }
  }
}

function stateAfter(batches: readonly Batch[]): ReadonlyMap<string, string> {
  const state = new Map<string, string>()
  for (const { changes } of batches) {
    for (const [key, text] of changes) {
      if (text === undefined) state.delete(key)
      else state.set(key, text)
    }
  }
  return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Which of these batches may have been kept, given what is there. From the newest back: a batch of
 * which every key that no later one decided is as it left it; those keys are then decided by it.
 */
function keptOf(batches: readonly Batch[], found: ReadonlyMap<string, string>): readonly Batch[] {
  const decided = new Set<string>()
  const kept: Batch[] = []
  for (const batch of batches.toReversed()) {
    const last = new Map(batch.changes)
    const isThere = [...last].every(([key, text]) => decided.has(key) || found.get(key) === text)
    if (!isThere) continue
    kept.unshift(batch)
    for (const key of last.keys()) decided.add(key)
  }
  return kept
}

/** Free space comes and goes from the first moment; now and then a call fails as well. */
function change(lab: Lab, life: { readonly isOver: boolean }): void {
  const { disk, prng } = lab
  const next = (): void => {
    if (life.isOver) return
    disk.limit(disk.usedBytes + prng.pick([0, 0, 0, prng.below(500), prng.below(5000)]))
    lab.sim.after(prng.below(12_000) / 1000, next)
  }
  next()
  if (prng.chance(0.3)) {
    const call = prng.pick(['sync', 'sync', 'write', 'sync-directory', 'rename'] as const)
    disk.arm({ call, skip: prng.below(12) })
  }
  if (prng.chance(0.2)) {
    const call = prng.pick(['write', 'sync'] as const)
    disk.arm({ call, code: 'ENOSPC', skip: prng.below(20), times: prng.between(1, 3) })
  }
}

/** Appends until the power goes (or the process ends), at any moment; also while opening. */
async function round(t: Test, history: History, what: string, harm: Harm): Promise<void> {
  const { lab } = history
  const { prng } = lab
  if ((harm === 'full' || harm === 'changing') && prng.chance(0.4)) await lab.strip()
  const life = { isOver: false }
  const over = new Promise<'over'>((resolve) => {
    lab.sim.after(prng.between(0, 40_000) / 1000, () => {
      life.isOver = true
      if (prng.chance(0.7)) lab.crash()
      else lab.kill()
      resolve('over')
    })
  })
  if (harm === 'full' && prng.chance(0.7)) {
    const { disk } = lab
    disk.limit(disk.usedBytes + prng.pick([0, 0, prng.below(2000)]))
    if (prng.chance(0.5)) lab.sim.after(prng.below(40_000) / 1000, () => disk.limit())
  }
  if (harm === 'changing') change(lab, life)
  if (harm === 'faults' && prng.chance(0.5)) {
    const call = prng.pick(['sync', 'write', 'sync-directory', 'rename', 'truncate'] as const)
    lab.disk.arm({ call, skip: prng.below(30) })
  }
  const work = async (): Promise<void> => {
    const { engine, recovery } = await lab.open({ retryMs: harm === 'changing' ? 5 : 1000 })
    if (life.isOver) return
    if (recovery.rotten > 0) t.fail(`${what}: rot was reported, and there is none`)
    await history.check(t, engine, what)
    while (!life.isOver) {
      history.append(engine)
      if (prng.chance(0.4)) await lab.pause(prng.below(3000) / 1000)
      if (prng.chance(0.05) && !life.isOver) {
        await history.lab.pause(5)
        if (life.isOver) return
        await engine.close()
        return
      }
    }
  }
  const failed = work().catch((error: unknown) => {
    if (!isOperatingError(error) && !hasCode(error, 'EIO', 'ENOSPC')) throw error
  })
  await Promise.race([over, failed.then(() => over)])
  lab.disk.disarm()
  lab.disk.limit()
}

async function history(t: Test, seed: number, harm: Harm, rounds = 5): Promise<History> {
  const story = new History(seed)
  await story.lab.done(
    (async () => {
      for (let i = 0; i < rounds; i++) await round(t, story, `seed ${seed} round ${i}`, harm)
      const { engine } = await story.lab.open()
      await story.check(t, engine, `seed ${seed} at the end`)
      await engine.close()
    })(),
  )
  return story
}

const SEEDS = Number(process.env['EVERWRITE_SEEDS'] ?? 60)

void t.test('a crash takes nothing that was synced, and of the rest whole batches', async (t) => {
  let gaps = 0
  for (let seed = 1; seed <= SEEDS; seed++) gaps += (await history(t, seed, 'none')).gaps
  t.ok(gaps > 0, `${SEEDS} histories, ${gaps} crashes that left some of what was not synced`)
})

void t.test('neither do failed calls, and the log opens after them', async (t) => {
  for (let seed = 10_001; seed <= 10_000 + SEEDS; seed++) await history(t, seed, 'faults')
  t.ok(true, `${SEEDS} histories`)
})

void t.test('nor does a full disk, with the reserve or without', async (t) => {
  let refused = 0
  for (let seed = 20_001; seed <= 20_000 + SEEDS; seed++) {
    refused += (await history(t, seed, 'full')).refused
  }
  t.ok(refused > SEEDS, `${SEEDS} histories, ${refused} appends were refused`)
})

void t.test('nor does space that comes and goes, and starts that find none', async (t) => {
  let refused = 0
  for (let seed = 30_001; seed <= 30_000 + SEEDS; seed++) {
    refused += (await history(t, seed, 'changing')).refused
  }
  t.ok(refused > SEEDS, `${SEEDS} histories, ${refused} appends were refused`)
})

/**
 * 108480: a record was written after a sync of the directory had failed, to a segment without a
 * durable name. 118475: the empty first segment had lost its name, and the log began with the next.
 */
void t.test('histories that told damage where there was none', async (t) => {
  for (const seed of [108_480, 118_475]) await history(t, seed, 'changing', 7)
  t.pass('two histories')
})
