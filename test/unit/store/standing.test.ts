/** The standing of a data directory: written whole, read back, refused where it is garbled. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { nodeId } from '../../../src/dynamo/names.ts'
import {
  NEW_STANDING,
  readStanding,
  type Standing,
  writeStanding,
} from '../../../src/store/standing.ts'
import { Lab } from './lab.ts'

const A = nodeId('aaaaaaaaaaaaaaaa')
const [OLD, NOW] = ['1111111111111111', '2222222222222222']

const STANDINGS: readonly Standing[] = [
  NEW_STANDING,
  {
    state: 'whole',
    lost: '0123abcd',
    replaces: [],
    met: new Map([[A, { directories: [NOW, OLD], durable: 4711 }]]),
  },
  { state: 'rebuilding', lost: '', replaces: [OLD], met: new Map() },
]

void t.test('it is read as it was written', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      for (const standing of STANDINGS) {
        await writeStanding(await lab.directory(), standing)
        lab.crash()
        t.same(await readStanding(await lab.directory()), standing)
      }
    })(),
  )
})

void t.test('a crash while it is replaced leaves the old one or the new one', async (t) => {
  const [before, after] = STANDINGS.slice(1) as [Standing, Standing]
  for (let seed = 1; seed <= 40; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        await writeStanding(await lab.directory(), before)
        const writing = writeStanding(await lab.directory(), after).catch(() => undefined)
        await Promise.race([writing, lab.pause(lab.prng.below(3000) / 1000)])
        lab.crash()
        const { state } = await readStanding(await lab.directory())
        if (state === 'new') t.fail(`seed ${seed}: ${state}`)
      })(),
    )
  }
  t.pass('forty seeds')
})

void t.test('one that is missing, cut or changed anywhere is rotten', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      await t.rejects(readStanding(await lab.directory()), { code: 'data-rotten' }, 'missing')
      await writeStanding(await lab.directory(), STANDINGS[1] as Standing)
      const text = utf8Text(await lab.read('standing'))
      for (let at = 0; at < text.length; at++) {
        const changed = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`
        for (const wrong of [changed, text.slice(0, at)]) {
          await lab.write('standing', utf8Bytes(wrong))
          const read = await readStanding(await lab.directory()).catch((error: unknown) => error)
          if ((read as { code?: string }).code !== 'data-rotten') t.fail(`byte ${at}: ${wrong}`)
        }
      }
    })(),
  )
})
