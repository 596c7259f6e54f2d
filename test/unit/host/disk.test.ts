import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { hostDisk } from '../../../src/host/disk.ts'

const root = await mkdtemp(join(tmpdir(), 'everwrite-host-'))
t.teardown(() => rm(root, { recursive: true }))

t.test(
  'its owner alone may read what is made, in directories made with their parents',
  async (t) => {
    const path = join(root, 'deep/er/data')
    const directory = await hostDisk.directory(path)
    const file = await directory.create('one')
    const modeOf = async (at: string): Promise<number> => (await stat(at)).mode & 0o777
    t.equal(await modeOf(join(path, 'one')), 0o600)
    for (const at of [path, join(root, 'deep/er'), join(root, 'deep')]) {
      t.equal(await modeOf(at), 0o700)
    }
    await file.close()
  },
)

t.test('the list has all names, and what is no plain file cannot be opened', async (t) => {
  const directory = await hostDisk.directory(join(root, 'mixed'))
  await hostDisk.directory(join(root, 'mixed/inside'))
  await writeFile(join(root, 'mixed/b'), '')
  await writeFile(join(root, 'mixed/a'), '')
  await symlink('a', join(root, 'mixed/link'))
  execFileSync('mkfifo', [join(root, 'mixed/pipe')])
  t.same(await directory.list(), ['a', 'b', 'inside', 'link', 'pipe'])
  await t.rejects(directory.open('inside'), { code: 'EISDIR' })
  await t.rejects(directory.open('link'), { code: 'ELOOP' })
  await t.rejects(directory.open('pipe'), { code: 'EFTYPE' })
  await (await directory.open('a')).close()
})

t.test('the lock of another process holds until it ends, however it ends', async (t) => {
  const path = join(root, 'locked')
  const directory = await hostDisk.directory(path)
  const module = import.meta.resolve('../../../src/host/disk.ts').replace(/\.ts$/, '.js')
  const script = `
    const { hostDisk } = await import(${JSON.stringify(module)})
    await (await hostDisk.directory(${JSON.stringify(path)})).lock()
    process.stdout.write('locked')
    setInterval(() => undefined, 1000)
  `
  const args = ['--input-type=module', '-e', script]
  const other = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(other.stdout, 'data')
  await t.rejects(directory.lock(), { code: 'data-locked', message: path })
  await rm(join(path, 'lock'), { force: true })
  await t.rejects(directory.lock(), { code: 'data-locked' }, 'no file can be removed to take it')
  t.same(await readdir(path), [], 'the lock leaves no file')
  other.kill('SIGKILL')
  await once(other, 'exit')
  const lock = await directory.lock()
  await lock.unlock()
})

t.test('a file closes only after what was asked of it', async (t) => {
  const directory = await hostDisk.directory(join(root, 'closing'))
  const file = await directory.create('one')
  const order: string[] = []
  const bytes = new Uint8Array(64 * 1024 * 1024)
  const write = file.write(0, bytes).then(() => order.push('written'))
  const closing = file.close().then(() => order.push('closed'))
  await t.rejects(file.sync(), { code: 'EBADF' })
  await t.rejects(file.close(), { code: 'EBADF' })
  t.throws(() => file.readResident(0, new Uint8Array(1), 0, 1), /the file is open/)
  await Promise.all([write, closing])
  t.same(order, ['written', 'closed'])
})

t.test('a name cannot lead out of its directory', async (t) => {
  const directory = await hostDisk.directory(join(root, 'names'))
  await t.rejects(directory.create('../stranger'), /a name is of a file/)
  await t.rejects(directory.open(''), /a name is of a file/)
})
