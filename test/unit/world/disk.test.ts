import t, { type Test } from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import type { File } from '../../../src/world/disk.ts'
import { PLACES } from './places.ts'

/** All that is asked for, however many reads it takes; shorter at the end. */
async function readAll(file: File, position: number, length: number): Promise<string> {
  const into = new Uint8Array(length)
  let at = 0
  for (;;) {
    const count = await file.read(position + at, into, at, length - at)
    at += count
    if (count === 0 || at === length) return utf8Text(into.subarray(0, at))
  }
}

for (const make of PLACES) {
  const place = await make()
  const { disk } = place.worlds[0]
  const test = (name: string, body: (t: Test) => Promise<void>): void => {
    void t.test(`${place.name}: ${name}`, (t) => place.done(body(t)))
  }
  t.teardown(() => place.end())

  test('what was written is read back, wherever it stands', async (t) => {
    const directory = await disk.directory(`${place.path}/files`)
    const file = await directory.create('one')
    t.equal(await file.size(), 0)
    await file.write(0, utf8Bytes('hello'))
    await file.write(700, utf8Bytes('far'))
    t.equal(await file.size(), 703)
    t.equal(await readAll(file, 0, 5), 'hello')
    t.equal(await readAll(file, 700, 100), 'far', 'fewer bytes at the end')
    t.equal(await file.read(703, new Uint8Array(4), 0, 4), 0, 'none behind it')
    t.equal(await readAll(file, 4, 3), 'o\0\0', 'zeros where nothing was written')
    await file.sync()
    await file.truncate(3)
    t.equal(await readAll(file, 0, 100), 'hel')
    await file.truncate(5)
    t.equal(await readAll(file, 0, 100), 'hel\0\0', 'what was cut off does not come back')
    await file.close()
    const again = await directory.open('one')
    t.equal(await readAll(again, 0, 100), 'hel\0\0')
    await again.close()
  })

  test('a resident read brings the same bytes, or says that it would wait', async (t) => {
    const directory = await disk.directory(`${place.path}/resident`)
    const file = await directory.create('one')
    await file.write(0, utf8Bytes('abcdefgh'))
    const into = new Uint8Array(8)
    for (let i = 0; i < 50; i++) {
      const count = file.readResident(2, into, 1, 4)
      t.ok(count === -1 || (count >= 1 && count <= 4))
      if (count > 0) t.equal(utf8Text(into.subarray(1, 1 + count)), 'cdef'.slice(0, count))
    }
    const end = file.readResident(8, into, 0, 4)
    t.ok(end === 0 || end === -1)
    await file.close()
  })

  test('several writes and syncs may be under way at once', async (t) => {
    const directory = await disk.directory(`${place.path}/many`)
    const file = await directory.create('one')
    const bytes = new Uint8Array(8000).fill(7)
    const writes = Array.from({ length: 32 }, (_, i) => file.write(i * 8000, bytes))
    await Promise.all([...writes, file.sync(), file.sync()])
    t.equal(await file.size(), 32 * 8000)
    const text = await readAll(file, 0, 32 * 8000)
    t.equal(text, '\x07'.repeat(32 * 8000))
    await file.close()
  })

  test('names are created once, listed in order, renamed over others, and removed', async (t) => {
    const directory = await disk.directory(`${place.path}/names`)
    for (const name of ['b', 'c', 'a']) await (await directory.create(name)).close()
    t.same(await directory.list(), ['a', 'b', 'c'])
    await t.rejects(directory.create('a'), { code: 'EEXIST' })
    await t.rejects(directory.open('z'), { code: 'ENOENT' })
    await directory.rename('c', 'a')
    await directory.remove('b')
    await t.rejects(directory.remove('b'), { code: 'ENOENT' })
    await t.rejects(directory.rename('b', 'd'), { code: 'ENOENT' })
    await directory.sync()
    t.same(await directory.list(), ['a'])
    t.same(await (await disk.directory(`${place.path}/names`)).list(), ['a'], 'the same directory')
  })

  test('a locked directory keeps others out until it is unlocked', async (t) => {
    const directory = await disk.directory(`${place.path}/locked`)
    const lock = await directory.lock()
    await t.rejects(directory.lock(), { code: 'data-locked' })
    t.same(await directory.list(), [], 'the lock is not a file of the directory')
    await lock.unlock()
    await lock.unlock()
    const again = await directory.lock()
    await again.unlock()
  })

  test('a closed file answers nothing more, and closes after what is under way', async (t) => {
    const directory = await disk.directory(`${place.path}/closed`)
    const file = await directory.create('one')
    const write = file.write(0, utf8Bytes('last'))
    const closing = write.then(() => file.close())
    await Promise.all([write, closing])
    await t.rejects(file.size(), { code: 'EBADF' })
    await t.rejects(file.write(0, utf8Bytes('x')), { code: 'EBADF' })
    t.equal(await readAll(await directory.open('one'), 0, 9), 'last')
    t.ok((await directory.freeBytes()) > 0)
  })
}
