/** A log that a start puts in order in place, because the disk is full. */
import t from 'tap'
import { keyName } from '../../../../src/dynamo/names.ts'
import { recordBytes } from '../../../../src/native/record.ts'
import { contents, put, textOf } from '../../../../src/store/conformance/subject.ts'
import { keep, Lab } from '../lab.ts'

const RESERVE = { mayUseReserve: true }

void t.test('what a start keeps in place is durable, also after a failed sync', async (t) => {
  let kept = 0
  for (let seed = 1; seed <= 20; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        const { engine } = await lab.open({ segmentBytes: 8192 })
        await keep(engine, 'a', '1')
        await lab.pause(100)
        lab.disk.arm({ call: 'sync' })
        const failing = engine.synced(engine.append([put(keyName('b', 'b'), 'x'.repeat(900))]))
        await t.rejects(failing, { code: 'disk-failed' })
        lab.kill()
        await lab.strip()
        lab.disk.limit(lab.disk.usedBytes)
        const again = await lab.open({ segmentBytes: 8192 })
        t.equal((await lab.segments()).length, 1, 'no segment was made')
        const shown = await textOf(again.engine, 'b')
        if (shown !== undefined) kept += 1
        lab.crash()
        const last = await lab.open({ segmentBytes: 8192 })
        t.equal(await textOf(last.engine, 'b'), shown)
        t.equal(await textOf(last.engine, 'a'), '1')
      })(),
    )
  }
  t.ok(kept > 10, `${kept} of 20`)
})

/** What a start zeroes in place, and cannot sync, would come back behind records that are newer. */
void t.test('dropped records that a start in place could not zero do not come back', async (t) => {
  const source = new Lab(1)
  const torn = await source.done(
    (async () => {
      const { engine } = await source.open({ segmentBytes: 1024 })
      for (const key of ['a', 'b']) await keep(engine, key, '1')
      engine.append([put(keyName('b', 'b'), '2')])
      await source.pause(50)
      source.kill()
      return source.read('00000001.seg')
    })(),
  )
  const size = recordBytes(1, 1, 0, 1)
  torn.fill(0xff, 32 + 3 * size - 8, 32 + 3 * size)
  let failed = 0
  for (let seed = 1; seed <= 30; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        await lab.write('00000001.seg', torn)
        lab.disk.limit(lab.disk.usedBytes)
        lab.disk.arm({ call: 'sync', skip: lab.prng.below(2) })
        await lab.open({ segmentBytes: 1024 }).catch(() => (failed += 1))
        lab.disk.disarm()
        lab.kill()
        const again = await lab.open({ segmentBytes: 1024, retryMs: 1e6 })
        for (const key of ['c', 'd']) {
          await again.engine.synced(again.engine.append([put(keyName('b', key), '')], RESERVE))
        }
        lab.crash()
        const { engine, damages } = await lab.open({ segmentBytes: 1024 })
        t.same(damages, [], `seed ${seed}`)
        t.same([...(await contents(engine)).keys()], ['a', 'b', 'c', 'd'])
        t.equal(await textOf(engine, 'b'), '1')
      })(),
    )
  }
  t.ok(failed > 10, `${failed} of 30 starts failed`)
})

void t.test('of a batch that lacks its end a start in place keeps nothing', async (t) => {
  const source = new Lab(1)
  const torn = await source.done(
    (async () => {
      const { engine } = await source.open({ segmentBytes: 1024 })
      await keep(engine, 'a', '1')
      engine.append([put(keyName('b', 'b'), '2'), put(keyName('b', 'd'), '3')])
      await source.pause(50)
      source.kill()
      return source.read('00000001.seg')
    })(),
  )
  const size = recordBytes(1, 1, 0, 1)
  torn.fill(0xff, 32 + 3 * size - 8, 32 + 3 * size)
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      await lab.write('00000001.seg', torn)
      lab.disk.limit(lab.disk.usedBytes)
      const again = await lab.open({ segmentBytes: 1024, retryMs: 1e6 })
      t.equal((await lab.segments()).length, 1, 'no segment was made')
      await again.engine.synced(again.engine.append([put(keyName('b', 'c'), '4')], RESERVE))
      await lab.pause(100)
      lab.crash()
      const { engine, damages } = await lab.open({ segmentBytes: 1024 })
      t.same(damages, [])
      t.same(
        [...(await contents(engine))],
        [
          ['a', '1'],
          ['c', '4'],
        ],
      )
    })(),
  )
})

/** A segment was zeroed whole, and not synced: the next start took it for one never used. */
for (const isFull of [true, false]) {
  const what = isFull ? 'full' : 'with room again'
  void t.test(
    `dropped records of a segment that was emptied do not come back, ${what}`,
    async (t) => {
      const source = new Lab(1)
      const options = { segmentBytes: 1024, retryMs: 1e6 }
      const files = await source.done(
        (async () => {
          const { engine } = await source.open(options)
          await keep(engine, 'a', 'x'.repeat(600))
          await keep(engine, 'b', '1')
          await source.pause(100)
          engine.append([put(keyName('b', 'd'), 'x'.repeat(300))])
          engine.append([put(keyName('b', 'b'), '2'), put(keyName('b', 'd'), 'x'.repeat(300))])
          await source.pause(50)
          source.kill()
          return Promise.all(['00000001.seg', '00000002.seg'].map((name) => source.read(name)))
        })(),
      )
      const [first, second] = files as [Uint8Array, Uint8Array]
      // Of both batches the last record.
      const place = 32 + recordBytes(1, 1, 0, 300)
      for (const end of [place, place + recordBytes(1, 1, 0, 1) + 200]) {
        second.fill(0xff, end - 8, end)
      }
      for (let seed = 1; seed <= 60; seed++) {
        const lab = new Lab(seed)
        await lab.done(
          (async () => {
            await lab.write('00000001.seg', first)
            await lab.write('00000002.seg', second)
            lab.disk.limit(lab.disk.usedBytes)
            const isFailing = lab.prng.chance(0.5)
            if (isFailing) lab.disk.arm({ call: 'sync', name: '00000002.seg' })
            const opening = lab.open(options).catch(() => 'failed')
            await Promise.race([opening, lab.pause(isFailing ? 50 : lab.prng.below(4000) / 1000)])
            lab.disk.disarm()
            lab.kill()
            if (!isFull) lab.disk.limit()
            const again = await lab.open(options)
            await again.engine.synced(again.engine.append([put(keyName('b', 'c'), '')], RESERVE))
            await lab.pause(100)
            lab.crash()
            const { engine, damages } = await lab.open(options)
            if (damages.length > 0) t.same(damages, [], `seed ${seed}`)
            const found = await contents(engine)
            if (found.get('b') !== '1') t.fail(`seed ${seed}: b is what was dropped`)
            if (String([...found.keys()]) !== 'a,b,c')
              t.fail(`seed ${seed}: ${String([...found.keys()])}`)
          })(),
        )
      }
      t.pass('sixty seeds')
    },
  )
}
/** The start lacked space for its copies, not for a segment: one was ready. */
void t.test(
  'a log that starts on a full disk with a small segment ready is not short',
  async (t) => {
    const lab = new Lab(1)
    await lab.done(
      (async () => {
        const options = { segmentBytes: 1024, retryMs: 100 }
        const { engine } = await lab.open(options)
        await keep(engine, 'a', '1')
        await lab.pause(100)
        await keep(engine, 'big', 'x'.repeat(5000))
        await lab.pause(20)
        lab.kill()
        lab.disk.limit(lab.disk.usedBytes)
        const again = await lab.open(options)
        lab.disk.limit()
        await lab.pause(1000)
        t.same(again.engine.report().alarms, [])
        for (let i = 0; i < 30; i++) await keep(again.engine, `k${i}`, 'x'.repeat(100))
      })(),
    )
  },
)
