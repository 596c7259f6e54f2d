/** A log with more segments than the process may open files. */
import t, { type Test } from 'tap'
import { keyName } from '../../../../src/dynamo/names.ts'
import { SEGMENT_FILES_MAX } from '../../../../src/limits.ts'
import { contents, erasure, put, textOf } from '../../../../src/store/conformance/subject.ts'
import type { Engine } from '../../../../src/store/engine.ts'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { keep, Lab } from '../lab.ts'

const TEXT = 'x'.repeat(250)

/** A segment for each key. */
async function fill(engine: Engine, keys: number): Promise<void> {
  for (let i = 0; i < keys; i++) await keep(engine, `k${i}`, `${i}${TEXT}`)
}

async function readAll(t: Test, engine: Engine, keys: number): Promise<void> {
  const texts = Array.from({ length: keys }, (_, i) => textOf(engine, `k${i}`))
  const found = await Promise.all(texts)
  for (const [i, text] of found.entries()) if (text !== `${i}${TEXT}`) t.fail(`k${i}: ${text}`)
}

void t.test('a log opens no more than its part of files, and reads all', async (t) => {
  // The prepared segment, the reserve and a directory's sync need one each beside the others.
  const lab = new Lab(1, { residentChance: 0.5, openFilesMax: SEGMENT_FILES_MAX + 4 })
  await lab.done(
    (async () => {
      const keys = 400
      const { engine } = await lab.open()
      await fill(engine, keys)
      await readAll(t, engine, keys)
      t.equal(lab.sim.trace.count('log-blocked'), 0)
      lab.crash()
      const again = await lab.open()
      t.equal((await contents(again.engine)).size, keys)
      await readAll(t, again.engine, keys)
      t.equal(again.recovery.rotten, 0)
      t.equal(lab.sim.trace.count('log-blocked'), 0)
    })(),
  )
})

void t.test('a process that may open few files has a log of many segments', async (t) => {
  const lab = new Lab(1, { residentChance: 0.5, openFilesMax: 12 })
  await lab.done(
    (async () => {
      const { engine } = await lab.open()
      await fill(engine, 60)
      await readAll(t, engine, 60)
      await engine.close()
      const again = (await lab.open()).engine
      await readAll(t, again, 60)
      t.equal(lab.sim.trace.count('log-blocked'), 0)
    })(),
  )
})

void t.test('a process that may open no more files is not rot and no full disk', async (t) => {
  const lab = new Lab(1, { residentChance: 0, openFilesMax: 40 })
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ retryMs: 100 })
      await fill(engine, 30)
      await lab.pause(100)
      lab.disk.limitFiles(0)
      let code: string | undefined
      let taken = 0
      for (; taken < 50 && code === undefined; taken++) {
        try {
          engine.append([put(keyName('b', `new${taken}`), TEXT)])
          await lab.pause(5)
        } catch (error) {
          if (!isOperatingError(error)) throw error
          code = error.code
        }
      }
      t.equal(code, 'log-blocked')
      let isRead = false
      const reading = readAll(t, engine, 30).then(() => (isRead = true))
      await lab.pause(1000)
      t.equal(isRead, false, 'reads wait')
      t.match(engine.report().alarms?.[0], /may open no more files \(EMFILE\): .*ulimit -n/)
      lab.disk.limitFiles()
      await reading
      await lab.pause(500)
      await keep(engine, 'after', '1')
      t.same(engine.report().alarms, [])
      t.equal(lab.sim.trace.count('rot-found'), 0)
      t.equal(lab.sim.trace.count('disk-full'), 0)
      t.equal(lab.sim.trace.count('log-failed'), 0)
    })(),
  )
})

/** The writer waits: its segment is not open after a start in place. */
void t.test('a log is closed while no file can be opened', async (t) => {
  const lab = new Lab(1, { residentChance: 0, openFilesMax: 40 })
  await lab.done(
    (async () => {
      const options = { retryMs: 1e6 }
      const { engine } = await lab.open(options)
      await fill(engine, 30)
      await keep(engine, 'last', '1')
      await lab.pause(20)
      lab.kill()
      await lab.strip()
      lab.disk.limit(lab.disk.usedBytes)
      const again = (await lab.open(options)).engine
      await readAll(t, again, 29)
      lab.disk.limitFiles(0)
      const erased = again.append([erasure(keyName('b', 'k1'))], { mayUseReserve: true })
      const synced = again.synced(erased).catch((error: unknown) => error)
      await lab.pause(1000)
      await t.rejects(again.close(), { code: 'disk-failed' })
      t.match(await synced, { code: 'disk-failed' })
      lab.disk.limitFiles()
      lab.kill()
      t.equal((await lab.open(options)).recovery.rotten, 0)
    })(),
  )
})
