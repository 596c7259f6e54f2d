/** Resident reads, against a file that was just written and so is in the page cache. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { READ_FAILED, readResident, WOULD_WAIT } from '../../../src/native/resident.ts'
import { Random } from './rivals.ts'

t.test('a resident read returns the bytes of the file or none', async (t) => {
  const folder = mkdtempSync(join(process.cwd(), 'build/resident-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'file')
  const content = new Random(20).bytes(10_000)
  writeFileSync(path, content)
  const fd = openSync(path, 'r')
  t.teardown(() => closeSync(fd))
  const into = new Uint8Array(200)
  const count = readResident(fd, 5000, into, 50, 100)
  if (count === WOULD_WAIT) {
    t.pass('this file system makes no promise: the caller would ask the pool')
    return
  }
  t.equal(count, 100)
  t.same(into.subarray(50, 150), content.subarray(5000, 5100))
  t.ok(into.subarray(0, 50).every((byte) => byte === 0) && into.subarray(150).every((b) => b === 0))
  t.equal(readResident(fd, 9950, into, 0, 100), 50, 'fewer at the end of the file')
  t.equal(readResident(fd, 10_000, into, 0, 100), 0, 'none behind it')
  t.equal(readResident(fd, 0, into, 0, 0), 0, 'none of none')
})

t.test('an unreadable reply is a failure with a code, not a crash', async (t) => {
  const into = new Uint8Array(8)
  const closed = 2 ** 31 - 1
  const isLinux = process.platform === 'linux'
  t.equal(readResident(closed, 0, into, 0, 8), isLinux ? READ_FAILED : WOULD_WAIT)
  t.throws(() => readResident(closed, 0, into, 1, 8), RangeError)
  t.throws(() => readResident(2 ** 31, 0, into, 0, 8), RangeError)
})
