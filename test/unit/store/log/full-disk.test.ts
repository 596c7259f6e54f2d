/** A disk that is small, full, or full at the start: what a log still does on it. */
import t from 'tap'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { keyName } from '../../../../src/dynamo/names.ts'
import { contents, erasure, put, textOf } from '../../../../src/store/conformance/subject.ts'
import type { Engine } from '../../../../src/store/engine.ts'
import { keep, Lab, PATH } from '../lab.ts'

const MIB = 1024 * 1024
const RESERVE = { mayUseReserve: true }

/** The code of the error that `append` throws; undefined where it throws none. */
function refusal(append: () => number): string | undefined {
  try {
    append()
    return undefined
  } catch (error) {
    if (isOperatingError(error)) return error.code
    throw error
  }
}

const putOf =
  (engine: Engine, key: string, text = 'x') =>
  (): number =>
    engine.append([put(keyName('b', key), text)])

const deletionOf = (engine: Engine, key: string) => (): number =>
  engine.append([erasure(keyName('b', key))], RESERVE)

/** Puts until one is refused; the keys that were taken. */
async function fill(lab: Lab, engine: Engine, bytes = 100): Promise<readonly string[]> {
  const keys: string[] = []
  for (; keys.length < 5_000; keys.push(`k${keys.length}`)) {
    const code = refusal(putOf(engine, `k${keys.length}`, 'x'.repeat(bytes)))
    if (code === 'disk-full') break
    await lab.pause(3)
  }
  return keys
}

void t.test('a log needs little space for its first byte, and its segments grow', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 64 * MIB })
      await keep(engine, 'a', '1')
      await lab.pause(1000)
      t.ok(lab.disk.usedBytes < 8 * MIB, `${lab.disk.usedBytes} bytes`)
      for (let i = 0; i < 20; i++) await keep(engine, `k${i}`, 'x'.repeat(MIB / 2))
      const sizes = lab.disk.files().map(({ size }) => size / MIB)
      t.ok(sizes.includes(2) && sizes.includes(4) && !sizes.includes(64), `MiB: ${sizes.join()}`)
      await engine.close()
    })(),
  )
})

void t.test('a log on a disk with four MiB takes puts until that is used', async (t) => {
  const lab = new Lab(1, { capacityBytes: 4 * MIB })
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 64 * MIB })
      const keys = await fill(lab, engine, MIB / 16)
      t.ok(keys.length >= 14, `${keys.length} puts`)
      t.equal((await contents(engine)).size, keys.length)
    })(),
  )
})

void t.test(
  'a full disk refuses puts and takes deletes, as long as its reserve lasts',
  async (t) => {
    const lab = new Lab(1)
    await lab.done(
      (async () => {
        const options = { segmentBytes: 4096, retryMs: 100 }
        const { engine } = await lab.open(options)
        await keep(engine, 'a', '1')
        await lab.pause(100)
        lab.disk.limit(lab.disk.usedBytes)
        const keys = await fill(lab, engine)
        t.ok(keys.length > 3, 'what was prepared is used first')
        let deleted = 0
        let last = 0
        for (; deleted < 1000; deleted++) {
          t.equal(refusal(putOf(engine, 'new', 'x'.repeat(100))), 'disk-full')
          const key = keys[deleted % keys.length] as string
          const code = refusal(() => (last = deletionOf(engine, key)()))
          if (code !== undefined) break
        }
        t.ok(deleted >= 40, `${deleted} deletes in a reserve of 4096 bytes`)
        t.ok(deleted < 200, 'the reserve ends')
        await engine.synced(last)
        t.match(engine.report().alarms?.[0], /has no room for .* bytes.*: 0 bytes are free/)
        t.notMatch(engine.report().alarms?.[0], /\//, 'clients are told no path')
        t.throws(putOf(engine, 'new', 'x'.repeat(100)), { message: /0 bytes are free/ })

        lab.crash()
        const again = (await lab.open(options)).engine
        for (const key of keys.slice(0, deleted)) t.equal(await textOf(again, key), undefined)
        t.equal(await textOf(again, 'a'), '1')
        lab.disk.limit()
        await lab.pause(500)
        t.same(again.report().alarms, [], 'it recovers by itself')
        await keep(again, 'new', '1')
        await lab.pause(500)
        t.ok(
          lab.disk.files().some(({ name }) => name === 'reserve'),
          'with a new reserve',
        )
      })(),
    )
  },
)

/** Whether the prepared segments and the reserve are there, or someone has filled even these. */
for (const isStripped of [false, true]) {
  const what = isStripped ? 'nothing prepared' : 'what was prepared'
  void t.test(
    `a log starts on a full disk with ${what}, however often it was killed`,
    async (t) => {
      for (let seed = 1; seed <= 60; seed++) {
        const lab = new Lab(seed, { residentChance: 0.5 })
        const options = { segmentBytes: 8192, retryMs: 1e6 }
        const synced = new Map<string, string>()
        await lab.done(
          (async () => {
            let { engine } = await lab.open(options)
            await keep(engine, 'first', '1')
            await lab.pause(50)
            for (let start = 0; start < 8; start++) {
              lab.disk.limit(lab.disk.usedBytes)
              for (let i = 0; i < 6; i++) {
                const key = `k${i}`
                const text = `${start}`.padEnd(lab.prng.below(300))
                const isFreeing = lab.prng.chance(0.5)
                try {
                  const entry = put(keyName('b', key), text)
                  const sequence = engine.append([entry], isFreeing ? RESERVE : {})
                  void engine.synced(sequence).then(
                    () => synced.set(key, text),
                    () => undefined,
                  )
                } catch (error) {
                  if (!isOperatingError(error) || error.code !== 'disk-full') throw error
                }
                if (lab.prng.chance(0.5)) await lab.pause(lab.prng.below(1500) / 1000)
              }
              if (lab.prng.chance(0.3)) await engine.close()
              lab.kill()
              if (isStripped) await lab.strip()
              lab.disk.limit(lab.disk.usedBytes)
              const opened = await lab.open(options)
              engine = opened.engine
              const found = await contents(engine)
              if (opened.recovery.rotten > 0) t.same(opened.damages, [], `seed ${seed}`)
              if (found.get('first') !== '1') t.fail(`seed ${seed}: the first is lost`)
              for (const [key, text] of synced) {
                const isNewer = (found.get(key) ?? '') !== text && !/^\d/.test(found.get(key) ?? '')
                if (isNewer) t.fail(`seed ${seed} start ${start}: ${key} is lost`)
              }
              synced.clear()
              for (const [key, text] of found) synced.set(key, text)
            }
          })(),
        )
      }
      t.pass('sixty seeds')
    },
  )
}

void t.test(
  'after a power cut on a full disk a start keeps all, or says what it lacks',
  async (t) => {
    let refused = 0
    for (let seed = 1; seed <= 60; seed++) {
      const lab = new Lab(seed)
      await lab.done(
        (async () => {
          const { engine } = await lab.open({ segmentBytes: 8192 })
          const last = { sequence: 0, key: '' }
          for (let i = 0; i < 30; i++) {
            const sequence = engine.append([put(keyName('b', `k${i}`), 'x'.repeat(100))])
            void engine.synced(sequence).then(() => Object.assign(last, { key: `k${i}` }))
            if (lab.prng.chance(0.3)) await lab.pause(lab.prng.below(2000) / 1000)
          }
          lab.crash()
          await lab.strip()
          lab.disk.limit(lab.disk.usedBytes)
          const before = JSON.stringify(lab.disk.files())
          let opened = await lab.open({ segmentBytes: 8192 }).catch((error: unknown) => error)
          if (isOperatingError(opened)) {
            refused += 1
            t.equal(opened.code, 'disk-full')
            t.match(opened.message, /no room for \d+ bytes .*: 0 bytes are free/)
            t.equal(JSON.stringify(lab.disk.files()), before, 'nothing was changed')
            lab.disk.limit()
            opened = await lab.open({ segmentBytes: 8192 })
          }
          const again = (opened as Awaited<ReturnType<Lab['open']>>).engine
          const found = await contents(again)
          const synced = last.key === '' ? 0 : Number(last.key.slice(1)) + 1
          for (let i = 0; i < synced; i++) if (!found.has(`k${i}`)) t.fail(`seed ${seed}: k${i}`)
        })(),
      )
    }
    t.ok(refused < 40, `${refused} of 60 starts were refused`)
  },
)

for (const call of ['write', 'sync'] as const) {
  for (const code of ['ENOSPC', 'EDQUOT']) {
    void t.test(
      `a group whose ${call} has no space (${code}) is written when there is`,
      async (t) => {
        const lab = new Lab(3)
        await lab.done(
          (async () => {
            const options = { segmentBytes: 4096, retryMs: 100 }
            const { engine } = await lab.open(options)
            await keep(engine, 'a', '1')
            await lab.pause(100)
            lab.disk.arm({ call, code, times: 3 })
            const sequence = engine.append([put(keyName('b', 'b'), '2')])
            let isSynced = false
            const synced = engine.synced(sequence).then(() => (isSynced = true))
            await lab.pause(150)
            t.equal(isSynced, false, 'nothing is acknowledged')
            t.equal(refusal(putOf(engine, 'c')), 'disk-full')
            t.match(engine.report().alarms?.[0], new RegExp(`has no room for .*${code}`))
            t.equal(await textOf(engine, 'a'), '1', 'reads go on')
            await synced
            t.same(engine.report().alarms, [])
            await keep(engine, 'c', '3')
            lab.crash()
            const again = await lab.open(options)
            t.equal(await textOf(again.engine, 'b'), '2')
            t.equal(await textOf(again.engine, 'c'), '3')
            t.equal(again.recovery.rotten, 0)
          })(),
        )
      },
    )
  }
}

void t.test('a log that is closed while its disk has no space says so', async (t) => {
  const lab = new Lab(3)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 4096, retryMs: 100 })
      await keep(engine, 'a', '1')
      lab.disk.arm({ call: 'write', code: 'ENOSPC', times: 1000 })
      const sequence = engine.append([put(keyName('b', 'b'), '2')])
      const waiting = t.rejects(engine.synced(sequence), { code: 'disk-failed' })
      await lab.pause(10)
      await t.rejects(engine.close(), { code: 'disk-failed' })
      await waiting
      t.equal((await lab.directory()).path, PATH)
    })(),
  )
})

for (const code of ['EACCES', 'EROFS', 'EPERM'] as const) {
  void t.test(`a directory that takes no file (${code}) does not end the log`, async (t) => {
    const lab = new Lab(3)
    await lab.done(
      (async () => {
        const { engine } = await lab.open({ segmentBytes: 400, retryMs: 100, reserveBytes: 100 })
        await keep(engine, 'a', '1')
        await lab.pause(50)
        lab.disk.arm({ call: 'create', code, times: 1000 })
        let refused: string | undefined
        for (let i = 0; i < 50 && refused === undefined; i++) {
          refused = refusal(putOf(engine, `k${i}`, 'x'.repeat(50)))
          await lab.pause(5)
        }
        t.equal(refused, 'log-blocked')
        t.match(engine.report().alarms?.[0], new RegExp(`takes no new file .*${code}`))
        t.equal(await textOf(engine, 'a'), '1', 'reads go on')
        lab.disk.disarm()
        await lab.pause(200)
        t.same(engine.report().alarms, [])
        await keep(engine, 'b', '2')
      })(),
    )
  })
}

void t.test('a disk that does not say how much is free is tried without', async (t) => {
  const lab = new Lab(3)
  await lab.done(
    (async () => {
      lab.disk.arm({ call: 'free-bytes', times: 10_000 })
      const { engine } = await lab.open({ segmentBytes: 400, retryMs: 100 })
      for (let i = 0; i < 20; i++) await keep(engine, `k${i}`, 'x'.repeat(100))
      t.same(engine.report().alarms, [])
      lab.disk.limit(lab.disk.usedBytes)
      await fill(lab, engine)
      t.match(engine.report().alarms?.[0], /has no room for 400 bytes of the log \(ENOSPC\)\./)
    })(),
  )
})
