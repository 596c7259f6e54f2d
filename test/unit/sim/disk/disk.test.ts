import t from 'tap'
import { equalBytes } from '../../../../src/base/bytes.ts'
import { type DiskOptions, SimWorld } from '../../../../src/sim/index.ts'
import type { Directory, File } from '../../../../src/world/disk.ts'
import type { World } from '../../../../src/world/world.ts'

const SEEDS = 60

interface Scene {
  readonly sim: SimWorld
  readonly world: World
  readonly directory: Directory
}

async function scene(seed: number, disk: Partial<DiskOptions> = {}): Promise<Scene> {
  const sim = new SimWorld({ seed, disk: { shortReadChance: 0, ...disk } })
  const world = sim.start(0)
  return { sim, world, directory: await sim.complete(world.disk.directory('/data')) }
}

async function reopened({ sim }: Scene): Promise<Directory> {
  return sim.complete(sim.restart(0).disk.directory('/data'))
}

async function contentOf(file: File): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.size())
  await file.read(0, bytes, 0, bytes.length)
  return bytes
}

const filled = (count: number, byte: number): Uint8Array => new Uint8Array(count).fill(byte)

t.test('a crash keeps all synced bytes, and some of the others', async (t) => {
  const kept = new Set<string>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const at = await scene(seed)
    const make = async (): Promise<void> => {
      const file = await at.directory.create('one')
      await file.write(0, filled(2000, 1))
      await Promise.all([file.sync(), at.directory.sync()])
      await file.write(2000, filled(1500, 2))
      await file.write(3500, filled(1500, 3))
      await file.write(0, filled(100, 4))
    }
    await at.sim.complete(make())
    const directory = await reopened(at)
    const bytes = await at.sim.complete(directory.open('one').then(contentOf))
    t.ok(bytes.length >= 2000)
    t.ok(equalBytes(bytes.subarray(512, 2000), filled(1488, 1)), 'synced')
    const tail = bytes.subarray(2000)
    t.ok(tail.every((byte) => byte === 0 || byte === 2 || byte === 3))
    const [second, third] = [tail.includes(2), tail.includes(3)]
    const isTorn = tail.includes(2) && tail.subarray(0, 1500).some((byte) => byte !== 2)
    kept.add(`second ${second}, third ${third}`)
    if (isTorn || (tail.length > 0 && tail.length < 1500)) kept.add('torn')
    kept.add(`rewritten ${bytes[0] === 4}`)
    t.ok(bytes.length % 512 === 0 || [2000, 3500, 5000].includes(bytes.length))
    for (let edge = 2000; edge < bytes.length; edge++) {
      // Only whole sectors are kept or lost.
      if (bytes[edge] !== bytes[edge - 1]) t.ok(edge % 512 === 0 || edge === 3500 || edge === 2000)
    }
  }
  t.ok(kept.has('second true, third true'))
  t.ok(kept.has('second false, third false'))
  t.ok(kept.has('second true, third false'))
  t.ok(kept.has('second false, third true'), 'scattered')
  t.ok(kept.has('torn'))
  t.ok(kept.has('rewritten true') && kept.has('rewritten false'))
})

t.test('a sync covers what was written before it was called, and no more', async (t) => {
  let lost = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const at = await scene(seed, { syncMicros: [1000, 1000], writeMicros: [10, 10] })
    const make = async (): Promise<void> => {
      const file = await at.directory.create('one')
      await at.directory.sync()
      await file.write(0, filled(512, 1))
      const sync = file.sync()
      await file.write(512, filled(512, 2))
      await sync
    }
    await at.sim.complete(make())
    const bytes = await at.sim.complete((await reopened(at)).open('one').then(contentOf))
    t.ok(equalBytes(bytes.subarray(0, 512), filled(512, 1)))
    if (bytes.length === 512) lost += 1
  }
  t.ok(lost > 0 && lost < SEEDS)
})

t.test('a write under way when the power goes may be there, or in part, or not', async (t) => {
  const sizes = new Set<number>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const at = await scene(seed, { writeMicros: [1000, 1000] })
    const file = await at.sim.complete(at.directory.create('one'))
    await at.sim.complete(at.directory.sync())
    void file.write(0, filled(1024, 1))
    await at.sim.run(0.5)
    const bytes = await at.sim.complete((await reopened(at)).open('one').then(contentOf))
    t.ok(bytes.every((byte) => byte === 0 || byte === 1))
    sizes.add(bytes.length)
  }
  t.ok(sizes.has(0))
  t.ok(sizes.size > 1)
})

t.test('unsynced names may be forgotten or kept; synced ones are there', async (t) => {
  const lists = new Set<string>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const at = await scene(seed)
    const make = async (): Promise<void> => {
      for (const name of ['a', 'b', 'c']) await at.directory.create(name)
      await at.directory.sync()
      await at.directory.create('new')
      await at.directory.rename('a', 'renamed')
      await at.directory.remove('b')
    }
    await at.sim.complete(make())
    const list = await at.sim.complete((await reopened(at)).list())
    t.ok(list.includes('c'))
    t.ok(list.includes('a') !== list.includes('renamed'), 'renamed as a whole or not at all')
    lists.add(list.join())
  }
  for (const list of ['a,b,c', 'c,new,renamed', 'b,c,new,renamed']) t.ok(lists.has(list), list)
  t.ok(lists.size >= 5)
})

t.test('a killed process loses nothing that it wrote: the machine remembers', async (t) => {
  const at = await scene(1)
  const file = await at.sim.complete(at.directory.create('one'))
  await at.sim.complete(file.write(0, filled(3000, 1)))
  at.sim.kill(0)
  const directory = await at.sim.complete(at.sim.start(0).disk.directory('/data'))
  t.equal((await at.sim.complete(directory.open('one').then(contentOf))).length, 3000)
})

t.test('after a failed sync a later one does not cover what was written before', async (t) => {
  let lost = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const at = await scene(seed)
    const file = await at.sim.complete(at.directory.create('one'))
    await at.sim.complete(at.directory.sync())
    await at.sim.complete(file.write(0, filled(1024, 1)))
    at.sim.disk(0).arm({ call: 'sync' })
    await t.rejects(at.sim.complete(file.sync()), { code: 'EIO' })
    await at.sim.complete(file.write(1024, filled(512, 2)))
    await at.sim.complete(file.sync())
    const seen = await at.sim.complete(contentOf(file))
    t.ok(equalBytes(seen.subarray(0, 1024), filled(1024, 1)), 'memory shows it all the same')
    const bytes = await at.sim.complete((await reopened(at)).open('one').then(contentOf))
    t.ok(equalBytes(bytes.subarray(1024), filled(512, 2)), 'what came after it is safe')
    if (!equalBytes(bytes.subarray(0, 1024), filled(1024, 1))) lost += 1
  }
  t.ok(lost > 0 && lost < SEEDS)
})

t.test('each call can be made to fail, by name, later, and more than once', async (t) => {
  const at = await scene(1)
  const { sim, directory } = at
  const disk = sim.disk(0)
  const file = await sim.complete(directory.create('one.data'))
  disk.arm({ call: 'write', name: '.other' })
  disk.arm({ call: 'write', name: '.data', skip: 1, times: 2, code: 'ENOSPC' })
  const write = (): Promise<void> => sim.complete(file.write(0, filled(8, 1)))
  await write()
  await t.rejects(write(), { code: 'ENOSPC' })
  await t.rejects(write(), { code: 'ENOSPC' })
  await write()
  t.equal(sim.trace.count('disk-fault'), 2)
  disk.disarm()
  const into = new Uint8Array(8)
  const calls = {
    directory: () => at.world.disk.directory('/other'),
    list: () => directory.list(),
    create: () => directory.create('two'),
    open: () => directory.open('one.data'),
    rename: () => directory.rename('one.data', 'two'),
    remove: () => directory.remove('one.data'),
    'sync-directory': () => directory.sync(),
    lock: () => directory.lock(),
    'free-bytes': () => directory.freeBytes(),
    size: () => file.size(),
    read: () => file.read(0, into, 0, 8),
    sync: () => file.sync(),
    truncate: () => file.truncate(3),
    close: () => file.close(),
  } as const
  for (const [call, make] of Object.entries(calls)) {
    disk.arm({ call: call as keyof typeof calls })
    await t.rejects(sim.complete<unknown>(make()), { code: 'EIO' }, call)
  }
  t.same(await sim.complete(directory.list()), ['one.data'], 'what failed was not done')
  t.equal(await sim.complete(file.size()), 8)
})

t.test('a full disk takes what fits, says so, and takes more when there is room', async (t) => {
  const { sim, directory } = await scene(1, { capacityBytes: 1000 })
  const file = await sim.complete(directory.create('one'))
  await sim.complete(file.write(0, filled(600, 1)))
  t.equal(await sim.complete(directory.freeBytes()), 400)
  await t.rejects(sim.complete(file.write(600, filled(600, 2))), { code: 'ENOSPC' })
  t.equal(await sim.complete(file.size()), 1000)
  await sim.complete(file.write(0, filled(600, 3)))
  await t.rejects(sim.complete(directory.create('two')), { code: 'ENOSPC' })
  sim.disk(0).limit(2000)
  const two = await sim.complete(directory.create('two'))
  await sim.complete(two.write(0, filled(900, 1)))
  await sim.complete(directory.remove('one'))
  t.equal(sim.disk(0).usedBytes, 900)
  await sim.complete(two.truncate(100))
  t.equal(sim.disk(0).usedBytes, 100)
})

t.test('a file takes space until it is removed or another gets its name', async (t) => {
  const { sim, directory } = await scene(1)
  const disk = sim.disk(0)
  for (const [name, length] of [
    ['one', 300],
    ['two', 500],
    ['three', 70],
  ] as const) {
    const file = await sim.complete(directory.create(name))
    await sim.complete(file.write(0, filled(length, 1)))
  }
  await sim.complete(directory.rename('one', 'one'))
  t.equal(disk.usedBytes, 870, 'nothing changes under its own name')
  await sim.complete(directory.rename('one', 'two'))
  t.equal(disk.usedBytes, 370)
  await sim.complete(directory.rename('two', 'four'))
  t.equal(disk.usedBytes, 370)
  await sim.complete(directory.remove('three'))
  t.equal(disk.usedBytes, 300)
  disk.evictCache()
  t.equal(disk.usedBytes, 300, 'as all are counted again')
  t.same(await sim.complete(directory.list()), ['four'])
})

t.test('rot changes one bit in a byte, in what was synced and in what is read', async (t) => {
  const at = await scene(1)
  const file = await at.sim.complete(at.directory.create('one'))
  await at.sim.complete(file.write(0, filled(1000, 0)))
  await at.sim.complete(Promise.all([file.sync(), at.directory.sync()]))
  at.sim.disk(0).rot('/data', 'one', 500, 2)
  const seen = await at.sim.complete(contentOf(file))
  const after = await at.sim.complete((await reopened(at)).open('one').then(contentOf))
  for (const bytes of [seen, after]) {
    const rotten = [...bytes.keys()].filter((i) => bytes[i] !== 0)
    t.same(rotten, [500, 501])
    t.ok(rotten.every((i) => Number.isInteger(Math.log2(bytes[i] as number))))
  }
})

t.test(
  'a dropped or misdirected write reads back correctly until the cache is evicted',
  async (t) => {
    for (const effect of ['drop', 'misdirect'] as const) {
      let harmed = 0
      for (let seed = 0; seed < 10; seed++) {
        const at = await scene(seed)
        const file = await at.sim.complete(at.directory.create('one'))
        await at.sim.complete(file.write(0, filled(4096, 1)))
        at.sim.disk(0).arm({ call: 'write', effect })
        await at.sim.complete(file.write(1024, filled(512, 2)))
        await at.sim.complete(Promise.all([file.sync(), at.directory.sync()]))
        const seen = await at.sim.complete(contentOf(file))
        t.ok(equalBytes(seen.subarray(1024, 1536), filled(512, 2)))
        at.sim.disk(0).evictCache()
        const after = await at.sim.complete(contentOf(file))
        t.equal(after.includes(2), effect === 'misdirect')
        if (!equalBytes(after.subarray(1024, 1536), filled(512, 2))) harmed += 1
      }
      t.ok(harmed >= 8, effect)
    }
  },
)

t.test('evicting the cache of a sound file changes nothing that is read', async (t) => {
  const { sim, directory } = await scene(1)
  const file = await sim.complete(directory.create('one'))
  await sim.complete(file.write(0, filled(700, 1)))
  await sim.complete(file.sync())
  await sim.complete(file.write(300, filled(700, 2)))
  const before = await sim.complete(contentOf(file))
  sim.disk(0).evictCache()
  t.ok(equalBytes(await sim.complete(contentOf(file)), before))
})

t.test('bytes are resident or not, and reads short or not, as the seed says', async (t) => {
  const { sim, directory } = await scene(1, { residentChance: 0.5, shortReadChance: 0.5 })
  const file = await sim.complete(directory.create('one'))
  await sim.complete(file.write(0, filled(100, 1)))
  const into = new Uint8Array(100)
  const counts = Array.from({ length: 100 }, () => file.readResident(0, into, 0, 100))
  t.ok(counts.includes(-1) && counts.includes(100))
  t.ok(counts.some((count) => count > 0 && count < 100))
  t.notOk(counts.includes(0))
})

t.test('a slow disk is slow, and quick again', async (t) => {
  const { sim, directory } = await scene(1, { syncMicros: [100, 100] })
  const timeOf = async (): Promise<number> => {
    const before = sim.nowMs
    await sim.complete(directory.sync())
    return Math.round((sim.nowMs - before) * 1000) / 1000
  }
  t.equal(await timeOf(), 0.1)
  sim.disk(0).slow(1000)
  t.equal(await timeOf(), 100)
  sim.disk(0).slow(1)
  t.equal(await timeOf(), 0.1)
})

t.test('the lock of an ended process is free, and a wiped disk is empty', async (t) => {
  const at = await scene(1)
  await at.sim.complete(at.directory.lock())
  await t.rejects(at.sim.complete(at.directory.lock()), { code: 'data-locked' })
  for (const end of ['kill', 'crash'] as const) {
    at.sim[end](0)
    const directory = await at.sim.complete(at.sim.start(0).disk.directory('/data'))
    await at.sim.complete(directory.lock())
    await at.sim.complete(directory.create(end))
    await at.sim.complete(directory.sync())
  }
  at.sim.kill(0)
  t.equal(at.sim.disk(0).files().length, 2)
  at.sim.wipe(0)
  const directory = await at.sim.complete(at.sim.start(0).disk.directory('/data'))
  t.same(await at.sim.complete(directory.list()), [])
  t.equal(at.sim.disk(0).usedBytes, 0)
})
