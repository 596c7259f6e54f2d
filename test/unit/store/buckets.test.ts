/** The file of buckets: written whole, read back, refused where it is garbled. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { readBuckets, writeBuckets } from '../../../src/store/buckets.ts'
import { bucket } from '../dynamo/buckets/samples.ts'
import { Lab } from './lab.ts'

const RECORDS = [bucket(1), bucket(2, { name: 'Körbe "x"', version: 7, n: 1, r: 1, w: 1 })]

void t.test('it is read as it was written, also after a crash', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      t.equal(await readBuckets(await lab.directory()), undefined, 'there is none yet')
      for (const records of [RECORDS, []]) {
        await writeBuckets(await lab.directory(), records)
        lab.crash()
        t.same(await readBuckets(await lab.directory()), records)
      }
    })(),
  )
})

void t.test('a crash while it is replaced leaves the old one or the new one', async (t) => {
  const after = [...RECORDS, bucket(3, { name: 'three' })]
  for (let seed = 1; seed <= 40; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        await writeBuckets(await lab.directory(), RECORDS)
        const writing = writeBuckets(await lab.directory(), after).catch(() => undefined)
        await Promise.race([writing, lab.pause(lab.prng.below(3000) / 1000)])
        lab.crash()
        const records = (await readBuckets(await lab.directory())) ?? []
        if (records.length < RECORDS.length) t.fail(`seed ${seed}`)
      })(),
    )
  }
  t.pass('forty seeds')
})

void t.test('one that is cut or changed anywhere is rotten', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      await writeBuckets(await lab.directory(), RECORDS)
      const text = utf8Text(await lab.read('buckets'))
      const garbled = [
        '',
        text.slice(0, -1),
        text.slice(1),
        text.replace('buckets 1', 'buckets 2'),
        text.replace('buckets 0', 'buckets 1'),
        `${text}\n`,
        'everwrite buckets 1\nbuckets 01\ncrc32c 00000000\n',
      ]
      for (const one of garbled) {
        await lab.write('buckets', utf8Bytes(one))
        await t.rejects(readBuckets(await lab.directory()), { code: 'data-rotten' })
      }
    })(),
  )
})
