/** What a member remembers of rounds: written whole, read back, lost where it is garbled. */
import t from 'tap'
import { U48_MAX, utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { startId } from '../../../src/dynamo/names.ts'
import { ENDED } from '../../../src/dynamo/repair/floor.ts'
import { NO_ROUND } from '../../../src/dynamo/repair/round.ts'
import { FLOOR_STARTS_MAX } from '../../../src/limits.ts'
import { NO_ROUNDS, readRounds, type RoundsState, writeRounds } from '../../../src/store/rounds.ts'
import { Lab } from './lab.ts'

const [A, B] = [startId('a'.repeat(16)), startId('b'.repeat(16))]

const ADOPTED = {
  number: 11,
  base: 3,
  floor: new Map([
    [A, U48_MAX],
    [B, ENDED],
  ]),
  leftOut: new Set([startId('c'.repeat(16))]),
}
const STATES: readonly RoundsState[] = [
  NO_ROUNDS,
  {
    closed: 12,
    closing: new Map([[A, 17]]),
    knowsClosed: true,
    adopted: ADOPTED,
    covered: undefined,
  },
  {
    closed: 13,
    closing: new Map([[B, ENDED]]),
    knowsClosed: false,
    adopted: ADOPTED,
    covered: { ...NO_ROUND, number: 13 },
  },
]

void t.test('it is read as it was written', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      t.equal(await readRounds(await lab.directory()), undefined, 'missing')
      for (const state of STATES) {
        await writeRounds(await lab.directory(), state)
        lab.crash()
        t.strictSame(await readRounds(await lab.directory()), state)
      }
    })(),
  )
})

void t.test('a crash while it is replaced leaves the old one or the new one', async (t) => {
  const [before, after] = STATES.slice(1) as [RoundsState, RoundsState]
  for (let seed = 1; seed <= 40; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        await writeRounds(await lab.directory(), before)
        const writing = writeRounds(await lab.directory(), after).catch(() => undefined)
        await Promise.race([writing, lab.pause(lab.prng.below(3000) / 1000)])
        lab.crash()
        const read = await readRounds(await lab.directory())
        if (![12, 13].includes(read?.closed ?? 0)) t.fail(`seed ${seed}: ${read?.closed}`)
      })(),
    )
  }
  t.pass('forty seeds')
})

void t.test('one that is cut or changed anywhere is lost', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      await writeRounds(await lab.directory(), STATES[2] as RoundsState)
      const text = utf8Text(await lab.read('rounds'))
      for (let at = 0; at < text.length; at++) {
        const changed = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`
        for (const wrong of [changed, text.slice(0, at)]) {
          await lab.write('rounds', utf8Bytes(wrong))
          const read = await readRounds(await lab.directory())
          if (read !== undefined) t.fail(`byte ${at}: ${wrong}`)
        }
      }
    })(),
  )
})

void t.test('the longest that a member may have is read', async (t) => {
  const lab = new Lab(1)
  const starts = Array.from({ length: FLOOR_STARTS_MAX }, (_, i) => {
    return startId(i.toString(16).padStart(16, '0'))
  })
  const floor = new Map(starts.map((start) => [start, U48_MAX]))
  const all = new Set(starts)
  const round = { number: 10 ** 15 - 1, base: 10 ** 15 - 1, floor, leftOut: all }
  const rounds = { adopted: round, covered: round }
  const longest = { closed: 1, closing: floor, knowsClosed: true, ...rounds }
  await lab.done(
    (async () => {
      await writeRounds(await lab.directory(), longest)
      const read = await readRounds(await lab.directory())
      t.equal(read?.covered?.leftOut.size, FLOOR_STARTS_MAX)
      t.equal(read?.closing.size, FLOOR_STARTS_MAX)
    })(),
  )
})
