/** The example in src/store/README.md is what the store writes, byte by byte. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { bytesOfHex, hexOf } from '../../../../src/base/bytes.ts'
import { keyName } from '../../../../src/dynamo/names.ts'
import { contents, erasure, put } from '../../../../src/store/conformance/subject.ts'
import { RECORD_HEADER_BYTES, recordBytes } from '../../../../src/native/record.ts'
import { SEGMENT_HEADER_BYTES } from '../../../../src/store/log/segment.ts'
import { Lab } from '../lab.ts'

const README = new URL('../../../../../src/store/README.md', import.meta.url)

/** The hexadecimal digits of the example: what stands between address and bar of each line. */
function example(): Uint8Array {
  const text = readFileSync(README, 'utf8')
  const lines = text.matchAll(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?)+) /gm)
  return bytesOfHex(
    [...lines].map((line) => (line[1] as string).replaceAll(' ', '')).join(''),
  ) as Uint8Array
}

void t.test('a log of two batches is the example in the README', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open()
      await engine.synced(engine.append([put(keyName('carts', 'ada'), 'book', 'n')]))
      const batch = [put(keyName('carts', 'bob'), 'pen'), erasure(keyName('carts', 'ada'))]
      await engine.synced(engine.append(batch))
      lab.crash()
      const bytes = await lab.read('00000001.seg')
      const end = example().length
      t.equal(hexOf(bytes, 0, end), hexOf(example()))
      t.ok(
        bytes.subarray(end).every((byte) => byte === 0),
        'and then zeros',
      )
    })(),
  )
})

void t.test('the example is read back', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const whole = new Uint8Array(400)
      whole.set(example())
      await lab.write('00000001.seg', whole)
      const { engine, recovery } = await lab.open()
      t.same([...(await contents(engine))], [['bob', 'pen']])
      t.match(recovery, { records: 3, rotten: 0, tornBytes: 0, keptSequence: 3 })
      t.equal(recovery.highestSequence, 4)
      const second = await lab.read('00000002.seg')
      const absence = SEGMENT_HEADER_BYTES + recordBytes(5, 3, 0, 3) + recordBytes(5, 3, 0, 0)
      const object = '00000000 00000000 01000000 0100000000000000 9000000000000000'
      t.equal(second[absence + 5], 4, 'the kind of an absence')
      t.equal(
        hexOf(second, absence + RECORD_HEADER_BYTES, absence + RECORD_HEADER_BYTES + 28),
        object.replaceAll(' ', ''),
      )
    })(),
  )
})
