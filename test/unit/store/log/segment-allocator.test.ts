/** A disk that fills up, and a log that has its most segments. */
import t from 'tap'
import { keyName } from '../../../../src/dynamo/names.ts'
import { contents, erasure, put, textOf } from '../../../../src/store/conformance/subject.ts'
import { RESERVE_NAME } from '../../../../src/store/files.ts'
import { keep, Lab } from '../lab.ts'

const MIB = 1024 * 1024

void t.test(
  'a full disk refuses appends before they are accepted, and then recovers',
  async (t) => {
    const lab = new Lab(1)
    await lab.done(
      (async () => {
        const options = { segmentBytes: 400, reserveBytes: 800, retryMs: 100 }
        const { engine } = await lab.open(options)
        await keep(engine, 'a', '1')
        lab.disk.limit(lab.disk.usedBytes + 2000)
        let accepted = 0
        const waits: Promise<void>[] = []
        await t.rejects(
          (async () => {
            while (accepted < 1000) {
              waits.push(engine.synced(engine.append([put(keyName('b', `k${accepted}`), 'x')])))
              accepted += 1
              await lab.pause(5)
            }
          })(),
          { code: 'disk-full' },
        )
        t.ok(accepted > 3)
        await Promise.all(waits)
        t.pass('all that was accepted is durable')
        t.equal(await textOf(engine, `k${accepted}`), undefined, 'what was refused is not there')
        t.equal(await textOf(engine, 'k0'), 'x')
        t.equal(lab.sim.trace.count('disk-full'), 1)

        lab.crash()
        const again = (await lab.open(options)).engine
        t.equal((await contents(again)).size, accepted + 1, 'a full disk can be opened')
        lab.disk.limit(1 << 20)
        await lab.pause(1000)
        for (let i = 0; i < 20; i++) await keep(again, 'a', `${i}`)
        t.equal(await textOf(again, 'a'), '19')
      })(),
    )
  },
)

void t.test('a log with its most segments refuses appends, and keeps what it has', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 400, segmentsMax: 4 })
      let kept = 0
      const fill = async (): Promise<void> => {
        for (; kept < 1000; kept++) await keep(engine, `k${kept}`, 'x')
      }
      await t.rejects(fill(), { code: 'disk-full' })
      t.ok(kept > 3)
      t.equal((await lab.segments()).length, 4)
      t.equal((await contents(engine)).size, kept)
    })(),
  )
})

void t.test('records accepted while the disk fills wait for space, and are not lost', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ reserveBytes: 0, retryMs: 100 })
      await keep(engine, 'a', '1')
      lab.disk.limit(lab.disk.usedBytes)
      const sequence = engine.append([put(keyName('b', 'big'), 'x'.repeat(5000))])
      let isSynced = false
      const synced = engine.synced(sequence).then(() => {
        isSynced = true
      })
      await lab.pause(1000)
      t.equal(isSynced, false)
      t.throws(() => engine.append([put(keyName('b', 'c'), 'x'.repeat(300))]), {
        code: 'disk-full',
      })
      t.equal((await textOf(engine, 'big'))?.length, 5000)
      lab.disk.limit(1 << 20)
      await synced
      lab.crash()
      t.equal((await textOf((await lab.open()).engine, 'big'))?.length, 5000)
    })(),
  )
})

/** Seed 31176: it tried again while a segment failed, and made the one behind it. */
void t.test('no segment is made behind one that could not be made', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const options = { segmentBytes: 400, retryMs: 100 }
      const { engine } = await lab.open(options)
      await keep(engine, 'a', '1')
      await lab.pause(100)
      lab.disk.limit(lab.disk.usedBytes)
      lab.disk.arm({ call: 'rename', name: 'reserve' })
      const fill = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) {
          const sequence = engine.append([erasure(keyName('b', 'a'))], { mayUseReserve: true })
          await engine.synced(sequence)
        }
      }
      await t.rejects(fill(), { code: 'disk-failed' }, 'the reserve could not be used')
      lab.disk.limit()
      await lab.pause(1000)
      lab.kill()
      t.same((await lab.open(options)).damages, [])
    })(),
  )
})

/** The segment was to be larger than what is free, and than what is to stand in it. */
void t.test('accepted records do not wait for more space than they need', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const options = {
        segmentBytes: 64 * MIB,
        unsyncedBytesMax: 64 * MIB,
        retryMs: 100,
        reserveBytes: 0,
      }
      const { engine } = await lab.open(options)
      for (let i = 0; i < 7; i++) await keep(engine, `k${i}`, 'x'.repeat(MIB / 2))
      await lab.pause(1000)
      lab.disk.limit(lab.disk.usedBytes + 2 * MIB)
      let last = 0
      for (let i = 0; i < 23; i++) {
        last = engine.append([put(keyName('b', `n${i}`), 'x'.repeat(MIB / 2))])
      }
      await lab.pause(3000)
      t.equal(engine.report().durableSequence >= last, true, 'they are durable')
      lab.disk.limit()
      await lab.pause(1000)
      t.same(engine.report().alarms, [])
      for (let i = 0; i < 9; i++) await keep(engine, `m${i}`, 'x'.repeat(MIB / 2))
      lab.crash()
      t.equal((await contents((await lab.open(options)).engine)).size, 39)
    })(),
  )
})

void t.test('a reserve that someone has removed is not missed', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 400, retryMs: 100 })
      await keep(engine, 'a', '1')
      await lab.pause(100)
      lab.disk.limit(lab.disk.usedBytes)
      await (await lab.directory()).remove(RESERVE_NAME)
      lab.disk.limit(lab.disk.usedBytes)
      let last = 0
      const fill = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) {
          last = engine.append([erasure(keyName('b', 'a'))], { mayUseReserve: true })
          await lab.pause(5)
        }
      }
      await t.rejects(fill(), { code: 'disk-full' })
      await lab.pause(1000)
      lab.disk.limit()
      await lab.pause(1000)
      await engine.synced(last)
      await keep(engine, 'b', '2')
      t.ok(
        lab.disk.files().some(({ name }) => name === RESERVE_NAME),
        'there is a new one',
      )
    })(),
  )
})
