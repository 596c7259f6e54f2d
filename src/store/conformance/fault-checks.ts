/**
 * What a durable engine must do when the power goes and when its disk fails.
 *
 * Each returns at once where the subject has no faults, or the engine is not durable.
 */
import { equal, fail, ok, rejects, throws } from 'node:assert/strict'
import { utf8Text } from '../../base/bytes.ts'
import { Prng } from '../../base/prng.ts'
import { keyName } from '../../dynamo/names.ts'
import type { Entry } from '../engine.ts'
import { type Check, contents, erasure, put, sortedMap, textOf } from './subject.ts'

const POWER_CUTS = 20
const KEYS = 12

export const FAULT_CHECKS: Readonly<Record<string, Check>> = {
  'a power cut takes nothing that was synced, and of the rest whole batches': async (
    first,
    subject,
  ) => {
    const { faults } = subject
    if (faults === undefined || !first.capabilities.isDurable) return
    const prng = Prng.of(3)
    let engine = first
    let state: ReadonlyMap<string, string> = new Map()
    for (let cut = 1; cut <= POWER_CUTS; cut++) {
      let sequence = 0
      for (let i = 0; i < 3; i++) {
        const batch = batchOf(prng, `${cut} synced ${i}`)
        sequence = engine.append(batch)
        state = applied(state, batch)
      }
      await engine.synced(sequence)
      let possible = [state]
      for (let i = 0; i < 4; i++) {
        const batch = batchOf(prng, `${cut} not synced ${i}`)
        engine.append(batch)
        possible = [...possible, ...possible.map((one) => applied(one, batch))]
        if (prng.chance(0.5)) await faults.pause()
      }
      faults.cutPower()
      engine = await subject.open()
      const found = await contents(engine)
      const after = possible.findIndex((one) => rowsOf(one) === rowsOf(found))
      if (after === -1) fail(differenceOf(possible[0] ?? new Map(), found, cut))
      state = found
    }
    return engine
  },

  'after a failed sync nothing is acknowledged until the next start': async (engine, subject) => {
    const { faults } = subject
    if (faults === undefined || !engine.capabilities.isDurable) return
    const code = 'disk-failed'
    const name = keyName('b', 'a')
    await engine.synced(engine.append([put(name, 'synced')]))
    faults.failSync()
    await rejects(engine.synced(engine.append([put(name, 'in doubt')])), { code })
    equal((await engine.failed).code, code)
    throws(() => engine.append([put(name, 'later')]), { code })
    faults.cutPower()
    const next = await subject.open()
    const text = await textOf(next, 'a')
    ok(text === 'synced' || text === 'in doubt', `what was synced is there, not ${text}`)
    await next.synced(next.append([put(name, 'again')]))
    equal(await textOf(next, 'a'), 'again')
    return next
  },
}

/** One to three entries, of different keys. */
function batchOf(prng: Prng, text: string): readonly Entry[] {
  const keys = prng.shuffled(Array.from({ length: KEYS }, (_, i) => `k${i}`))
  return keys.slice(0, prng.between(1, 3)).map((key) => {
    const name = keyName('b', key)
    return prng.chance(0.2) ? erasure(name) : put(name, text.padEnd(prng.below(300)), 'note')
  })
}

function applied(
  state: ReadonlyMap<string, string>,
  batch: readonly Entry[],
): ReadonlyMap<string, string> {
  const next = new Map(state)
  for (const entry of batch) {
    const key = utf8Text(entry.name.key)
    if (entry.kind === 'object') next.set(key, utf8Text(entry.object))
    else next.delete(key)
  }
  return sortedMap(next)
}

function differenceOf(
  synced: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  cut: number,
): string {
  const rows = (state: ReadonlyMap<string, string>): string =>
    rowsOf(state).replaceAll(/ +,/g, ',').trimEnd()
  return (
    `after power cut ${cut} the engine holds neither what was synced nor that and whole batches:` +
    `\n  synced: ${rows(synced)}\n  found:  ${rows(found)}`
  )
}

function rowsOf(state: ReadonlyMap<string, string>): string {
  return [...state].map(([key, text]) => `${key}: ${text}`).join(', ')
}
