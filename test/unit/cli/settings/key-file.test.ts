/** Key files: made with mode 0600, refused where other users may read them. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeKeyFile, readKeyFile, readTokenFile } from '../../../../src/cli/settings/key-file.ts'

const directory = t.testdir()

function file(content: string, mode = 0o600): string {
  const path = join(directory, 'secret')
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

t.test(
  'a key is 32 hexadecimal digits, in either case, with or without an end of line',
  async (t) => {
    const expected = Uint8Array.from({ length: 16 }, (_, i) => i * 17)
    t.same(readKeyFile(file('00112233445566778899aabbccddeeff')), expected)
    t.same(readKeyFile(file('00112233445566778899AABBCCDDEEFF\r\n')), expected)
  },
)

t.test('anything else is no key', async (t) => {
  const digits = '00112233445566778899aabbccddeeff'
  for (const wrong of [
    '',
    digits.slice(1),
    digits.slice(2),
    `${digits}00`,
    `x${digits.slice(1)}`,
  ]) {
    t.throws(() => readKeyFile(file(wrong)), { code: 'key-file-wrong' }, JSON.stringify(wrong))
  }
})

t.test('a file that others may read is refused, with the command that helps', async (t) => {
  const digits = '00112233445566778899aabbccddeeff'
  for (const mode of [0o640, 0o604, 0o660, 0o644, 0o610]) {
    const path = file(digits, mode)
    t.throws(() => readKeyFile(path), { code: 'key-file-wrong', message: /chmod 600/ })
  }
  t.equal(readKeyFile(file(digits, 0o400)).length, 16)
})

t.test('a key that is made can be read, is new each time, and is never overwritten', async (t) => {
  const [a, b] = [join(directory, 'a'), join(directory, 'b')]
  makeKeyFile(a)
  makeKeyFile(b)
  t.equal(statSync(a).mode & 0o777, 0o600)
  t.notSame(readKeyFile(a), readKeyFile(b))
  const before = readFileSync(a, 'utf8')
  t.throws(() => makeKeyFile(a), { code: 'EEXIST' })
  t.equal(readFileSync(a, 'utf8'), before)
})

t.test('a token is a line', async (t) => {
  t.equal(Buffer.from(readTokenFile(file('s e\n'))).toString(), 's e')
  t.throws(() => readTokenFile(file('\n')), { code: 'key-file-wrong' })
  t.throws(() => readTokenFile(file('x'.repeat(1025))), { code: 'key-file-wrong' })
  t.throws(() => readTokenFile(file('x', 0o644)), { code: 'key-file-wrong' })
})

t.test('a file that is not there is said to be so', async (t) => {
  t.throws(() => readKeyFile(join(directory, 'nowhere')), {
    code: 'key-file-wrong',
    message: /ENOENT/,
  })
})
