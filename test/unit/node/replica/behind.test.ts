/** When a copy that is appended is not durable soon. */
import t from 'tap'
import { CopyWriter, type CopyWriterOptions } from '../../../../src/node/replica/copy-writer.ts'
import { put } from '../../../../src/store/conformance/subject.ts'
import { keyName } from '../../../../src/dynamo/names.ts'
import type { Engine } from '../../../../src/store/engine.ts'
import { Lab } from '../../store/lab.ts'

function isBehind(engine: Partial<Engine>): boolean {
  return new CopyWriter({ engine } as unknown as CopyWriterOptions).isBehind
}

t.test('an engine is behind where it syncs nothing for a second, or has failed', async (t) => {
  t.notOk(isBehind({}), 'one that does not say')
  t.notOk(isBehind({ unsyncedMs: 1_000 }))
  t.ok(isBehind({ unsyncedMs: 1_001 }))
  t.ok(isBehind({ unsyncedMs: 0, hasFailed: true }))
})

t.test('a log says for how long its oldest append has waited', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 65_536 })
      t.equal(engine.unsyncedMs, 0)
      lab.disk.slow(5_000)
      const first = engine.append([put(keyName('b', 'k'), 'x')])
      await lab.pause(100)
      engine.append([put(keyName('b', 'l'), 'x')])
      t.equal(Math.round(engine.unsyncedMs ?? 0), 100, 'not the newest')
      await engine.synced(first)
      lab.disk.slow(1)
      await engine.synced(engine.append([put(keyName('b', 'm'), 'x')]))
      t.equal(engine.unsyncedMs, 0)
      t.equal(engine.hasFailed, false)
      lab.disk.arm({ call: 'sync' })
      const failed = engine.synced(engine.append([put(keyName('b', 'n'), 'x')]))
      await t.rejects(failed, { code: 'disk-failed' })
      t.equal(engine.hasFailed, true)
    })(),
  )
})
