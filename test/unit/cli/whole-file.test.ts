import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  createWhole,
  isStream,
  partOf,
  replaceBy,
  targetOf,
  writeWhole,
} from '../../../src/cli/whole-file.ts'

t.test('a file is made once, replaced whole, and leaves nothing beside it', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'key')
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))
  createWhole(path, 'one', 0o640)
  t.equal(statSync(path).mode & 0o777, 0o640, 'the umask does not narrow the mode')
  t.throws(() => createWhole(path, 'two', 0o600), { code: 'EEXIST' })
  t.equal(readFileSync(path, 'utf8'), 'one')
  writeWhole(path, 'three', 0o600)
  t.equal(readFileSync(path, 'utf8'), 'three')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(directory), ['key'])
})

t.test('a failed write leaves the old content', async (t) => {
  const directory = t.testdir({ key: 'old' })
  const path = join(directory, 'key')
  mkdirSync(partOf(path))
  t.throws(() => writeWhole(path, 'new', 0o600), { code: 'EEXIST' })
  t.equal(readFileSync(path, 'utf8'), 'old')
})

t.test('a symbolic link stays, and the file that it leads to is replaced', async (t) => {
  const directory = t.testdir({ real: 'old' })
  const link = join(directory, 'link')
  symlinkSync('real', link)
  const target = targetOf(link)
  t.equal(target?.path, join(directory, 'real'))
  writeFileSync(partOf(join(directory, 'real')), 'new')
  replaceBy(partOf(join(directory, 'real')), target?.path ?? '')
  t.equal(readFileSync(link, 'utf8'), 'new')
  t.same(readdirSync(directory), ['link', 'real'])
  t.equal(targetOf(join(directory, 'missing')), undefined)
})

t.test('devices and pipes are streams; files and what is missing are not', async (t) => {
  const directory = t.testdir({ file: '' })
  t.ok(isStream('/dev/null'))
  t.notOk(isStream(join(directory, 'file')))
  t.notOk(isStream(join(directory, 'missing')))
  t.notOk(isStream(directory))
})
