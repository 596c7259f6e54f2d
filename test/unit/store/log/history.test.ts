/**
 * Random histories of appends, crashes and failures, over segments of 400 bytes.
 *
 * After every reopening the log must hold the batches appended so far up to some point, all of
 * them and nothing else; and that point is not before the last one whose `synced` had resolved.
 */
import t, { type Test } from 'tap'
import { keyName } from '../../../../src/dynamo/names.ts'
import type { Engine, Entry } from '../../../../src/store/engine.ts'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { contents, erasure, put, textOf } from '../../../../src/store/conformance/subject.ts'
import { Lab } from '../lab.ts'

interface Batch {
  /** Undefined: erased. */
  readonly changes: readonly (readonly [key: string, text: string | undefined])[]
  isSynced: boolean
}

const KEYS = 12

class History {
  readonly lab: Lab
  readonly batches: Batch[] = []
  /** Counts up, so that no two values are alike. */
  #value = 0

  constructor(seed: number) {
    this.lab = new Lab(seed, { residentChance: 0.5 })
  }

  /** What the first `count` batches leave. */
  after(count: number): ReadonlyMap<string, string> {
    const state = new Map<string, string>()
    for (const { changes } of this.batches.slice(0, count)) {
      for (const [key, text] of changes) {
        if (text === undefined) state.delete(key)
        else state.set(key, text)
      }
    }
    return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
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
    const sequence = engine.append(entries)
    this.batches.push(batch)
    engine.synced(sequence).then(
      () => {
        batch.isSynced = true
      },
      () => undefined,
    )
  }

  /** Finds out how much of the history is there, and forgets the rest of it. */
  async check(t: Test, engine: Engine, what: string): Promise<void> {
    const found = JSON.stringify([...(await contents(engine))])
    const least = this.batches.findLastIndex((batch) => batch.isSynced) + 1
    const isThere = (count: number): boolean => JSON.stringify([...this.after(count)]) === found
    let count = this.batches.length
    while (count >= least && !isThere(count)) count -= 1
    if (count < least) {
      t.fail(`${what}: the contents are no prefix with all that was synced`, {
        found,
        least: JSON.stringify([...this.after(least)]),
        most: JSON.stringify([...this.after(this.batches.length)]),
        trace: this.lab.sim.trace.lines(60),
      })
      throw new Error(what)
    }
    this.batches.length = count
    for (const batch of this.batches) batch.isSynced = true
    for (let i = 0; i < KEYS; i++) {
      const key = `k${i}`
      if ((await textOf(engine, key)) !== this.after(count).get(key)) t.fail(`${what}: get ${key}`)
    }
  }
}

/** Appends until the power goes (or the process ends), at any moment; also while opening. */
async function round(t: Test, history: History, what: string, faults: boolean): Promise<void> {
  const { lab } = history
  const { prng } = lab
  const life = { isOver: false }
  const over = new Promise<'over'>((resolve) => {
    lab.sim.after(prng.between(0, 40_000) / 1000, () => {
      life.isOver = true
      if (prng.chance(0.7)) lab.crash()
      else lab.kill()
      resolve('over')
    })
  })
  if (faults && prng.chance(0.5)) {
    const call = prng.pick(['sync', 'write', 'sync-directory', 'rename', 'truncate'] as const)
    lab.disk.arm({ call, skip: prng.below(30) })
  }
  const work = async (): Promise<void> => {
    const { engine, recovery } = await lab.open()
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
    const isFault = isOperatingError(error) || (error as { code?: string }).code === 'EIO'
    if (!isFault) throw error
  })
  await Promise.race([over, failed.then(() => over)])
  lab.disk.disarm()
}

async function history(t: Test, seed: number, faults: boolean): Promise<void> {
  const story = new History(seed)
  await story.lab.done(
    (async () => {
      for (let i = 0; i < 5; i++) await round(t, story, `seed ${seed} round ${i}`, faults)
      const { engine } = await story.lab.open()
      await story.check(t, engine, `seed ${seed} at the end`)
      await engine.close()
    })(),
  )
}

const SEEDS = Number(process.env['EVERWRITE_SEEDS'] ?? 60)

void t.test('a crash takes nothing that was synced, and of the rest the newest', async (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) await history(t, seed, false)
  t.ok(true, `${SEEDS} histories`)
})

void t.test('neither do failed calls, and the log opens after them', async (t) => {
  for (let seed = 10_001; seed <= 10_000 + SEEDS; seed++) await history(t, seed, true)
  t.ok(true, `${SEEDS} histories`)
})
