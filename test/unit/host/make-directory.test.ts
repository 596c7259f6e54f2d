/** A directory with those above it: made, found, and refused with the system's reason. */
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeDirectory } from '../../../src/host/make-directory.ts'

t.test('a directory is made with those above it, for its owner alone', async (t) => {
  const path = join(t.testdir(), 'a', 'b', 'c')
  makeDirectory(path)
  for (const one of [path, join(path, '..')]) t.equal(statSync(one).mode & 0o777, 0o700)
  t.doesNotThrow(() => makeDirectory(path), 'also where it is there')
  const link = join(t.testdirName, 'link')
  symlinkSync(path, link)
  makeDirectory(join(link, 'd'))
  t.ok(statSync(join(path, 'd')).isDirectory())
})

t.test('what cannot be made fails at once, with a reason', async (t) => {
  const root = t.testdir()
  writeFileSync(join(root, 'file'), '')
  symlinkSync(join(root, 'loop-b'), join(root, 'loop-a'))
  symlinkSync(join(root, 'loop-a'), join(root, 'loop-b'))
  mkdirSync(join(root, 'there'))
  t.throws(() => makeDirectory(join(root, 'file', 'x')), { code: 'ENOTDIR' })
  t.throws(() => makeDirectory(join(root, 'loop-a', 'x')), { code: 'ELOOP' })
  t.throws(() => makeDirectory(join(root, 'x'.repeat(300))), { code: 'ENAMETOOLONG' })
  // Node's own, with `recursive`, tries here for ever.
  t.throws(() => makeDirectory('/proc/everwrite/data'), { code: 'ENOENT' })
})
