/**
 * What a durable engine must do when the power goes and when its disk fails.
 *
 * Each returns at once where the subject has no faults, or the engine is not durable.
 */
import { equal, fail, ok, rejects, throws } from 'node:assert/strict'
import { utf8Text } from '../../base/bytes.ts'
import { Prng } from '../../base/prng.ts'
import { keyName, type NodeId, OWN } from '../../dynamo/names.ts'
import type { Engine, Entry } from '../engine.ts'
import {
  type Check,
  contents,
  erasure,
  FIRST_TOKEN,
  LAST_TOKEN,
  put,
  sortedMap,
  textOf,
} from './subject.ts'

const POWER_CUTS = 20
const KEYS = 12
const MEMBER = '0123456789abcdef' as NodeId
const HINT = 'hint '

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
      const found = await contentsOfBoth(engine)
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

/** One to three entries, of different keys; or a drop of what is kept for a member. */
function batchOf(prng: Prng, text: string): readonly Entry[] {
  if (prng.chance(0.1)) {
    return [{ kind: 'drop', place: MEMBER, from: FIRST_TOKEN, to: LAST_TOKEN }]
  }
  const keys = prng.shuffled(Array.from({ length: KEYS }, (_, i) => `k${i}`))
  return keys.slice(0, prng.between(1, 3)).map((key) => {
    const name = keyName('b', key)
    const place = { place: prng.chance(0.3) ? MEMBER : OWN }
    if (prng.chance(0.2)) return erasure(name, place)
    return put(name, text.padEnd(prng.below(300)), 'note', place)
  })
}

function applied(
  state: ReadonlyMap<string, string>,
  batch: readonly Entry[],
): ReadonlyMap<string, string> {
  const next = new Map(state)
  for (const entry of batch) {
    if (entry.kind === 'drop') {
      for (const key of state.keys()) if (key.startsWith(HINT)) next.delete(key)
      continue
    }
    const key = (entry.place === OWN ? '' : HINT) + utf8Text(entry.name.key)
    if (entry.kind === 'object') next.set(key, utf8Text(entry.object))
    else next.delete(key)
  }
  return sortedMap(next)
}

/** Own copies, and those kept for the member with a sign before their keys. */
async function contentsOfBoth(engine: Engine): Promise<ReadonlyMap<string, string>> {
  const hints = await contents(engine, MEMBER)
  const marked = [...hints].map(([key, text]) => [HINT + key, text] as const)
  return sortedMap([...(await contents(engine)), ...marked])
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
