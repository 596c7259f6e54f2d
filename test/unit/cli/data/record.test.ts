/** Lines of import and export: parsed, printed, and refused by line number. */
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { cut, linesOf } from '../../../../src/cli/data/lines.ts'
import { parseRecord, recordLine } from '../../../../src/cli/data/record.ts'

const plain = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes)

t.test('text and bytes come back as they were', async (t) => {
  const texts = ['anna', 'tä\u2028a', '\u0000', '"']
  const samples = [...texts.map(utf8Bytes), Uint8Array.from([0xff, 0]), Uint8Array.from([0xef])]
  for (const key of samples) {
    for (const value of [...samples, new Uint8Array(0)]) {
      const record = parseRecord(recordLine(key, [value]), 1)
      t.same(plain(record.key), key)
      t.same(record.values.map(plain), [value])
    }
  }
})

t.test('a large value of bytes comes back as it was', async (t) => {
  const value = new Uint8Array(8 * 1024 * 1024).fill(0xff)
  const record = parseRecord(recordLine(utf8Bytes('a'), [value]), 1)
  t.ok(Buffer.from(value).equals(record.values[0] as Uint8Array))
})

t.test('base64 may use either alphabet and may leave out its end', async (t) => {
  for (const text of ['/+8=', '_-8=', '/+8', '_-8']) {
    t.same(plain(parseRecord(`{"key64":"${text}","value":""}`, 1).key), [0xff, 0xef])
  }
})

t.test('text is written as text, other bytes as base64', async (t) => {
  t.equal(recordLine(utf8Bytes('a'), [utf8Bytes('b')]), '{"key":"a","value":"b"}')
  const bytes = Uint8Array.from([0xff])
  t.equal(recordLine(bytes, [bytes]), '{"key64":"/w==","value64":"/w=="}')
  t.equal(recordLine(utf8Bytes('\ufeffa'), [bytes]), '{"key":"\ufeffa","value64":"/w=="}')
})

t.test('siblings are one line and come back all', async (t) => {
  const siblings = [utf8Bytes('tea'), Uint8Array.from([0xff])]
  const line = recordLine(utf8Bytes('a'), siblings)
  t.equal(line, '{"key":"a","siblings":[{"value":"tea"},{"value64":"/w=="}]}')
  t.same(parseRecord(line, 1).values.map(plain), siblings)
})

t.test('a line that is no record is refused with its number', async (t) => {
  const wrong = [
    '',
    '{',
    '[]',
    'null',
    '7',
    '{}',
    '{"key":"a"}',
    '{"value":"a"}',
    '{"key":7,"value":"a"}',
    '{"key":"a","value":null}',
    '{"key":"a","key64":"","value":"a"}',
    '{"key":"a","value":"a","value64":""}',
    '{"key":"a","value64":"!"}',
    '{"key":"a","value64":"AAAAA"}',
    '{"key":"a","value":"a","ttl":1}',
    '{"key":"a","siblings":[]}',
    '{"key":"a","siblings":["x"]}',
    '{"key":"a","siblings":{}}',
    '{"key":"i\\ud83d","value":"a"}',
    '{"key":"a","value":"\\udc4d"}',
    '{"key":"a","siblings":[{"value":"\\ud83d"}]}',
    '{"key":"a","value64":"A"}',
    '{"key":"a","value64":"AAA=A"}',
    '{"key":"a","value64":"AB"}',
  ]
  for (const line of wrong) {
    t.throws(() => parseRecord(line, 17), { code: 'input-wrong', message: /^line 17 / }, line)
  }
})

t.test('a line that is no record is refused with what is wrong in it', async (t) => {
  const wrong = [
    ['\ufeff{"key":"a","value":"b"}', /byte order mark/],
    ['{"key":"a","value":7}', /"value" that is a number: give text/],
    ['{"key":"a","value":null}', /"value" that is null/],
    ['{"key":"a","value":["b"]}', /"value" that is a list/],
    ['{"key":true,"value":"b"}', /"key" that is a boolean/],
    ['{"key":"a","key64":"AA==","value":"b"}', /both "key" and "key64": give one/],
    ['{"key":"a","value":"b","value64":""}', /both "value" and "value64"/],
    ['{"key":"a","siblings":[{"value":"b","value64":""}]}', /both "value" and "value64"/],
    ['{"key":"a","value":"b","siblings":[{"value":"b"}]}', /both a value and siblings/],
    ['{"key64":"*","value":"b"}', /"key64" that is not base64/],
    ['{"key":"i\\ud83d","value":"b"}', /"key" with half of a surrogate pair/],
  ] as const
  for (const [line, message] of wrong) {
    t.throws(() => parseRecord(line, 3), { code: 'input-wrong', message }, line)
  }
})

async function linesFrom(...chunks: readonly Uint8Array[]): Promise<string[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks
  }
  const lines: string[] = []
  for await (const line of cut(source())) lines.push(line)
  return lines
}

t.test('lines are the same however the bytes were cut', async (t) => {
  const bytes = utf8Bytes('eins\nzwei ä\n\ndrei')
  for (let at = 0; at <= bytes.length; at++) {
    const lines = await linesFrom(bytes.subarray(0, at), bytes.subarray(at))
    t.same(lines, ['eins', 'zwei ä', '', 'drei'])
  }
  t.same(await linesFrom(utf8Bytes('a\n')), ['a'])
  t.same(await linesFrom(), [])
})

t.test('a line that is not UTF-8 is refused with its number', async (t) => {
  await t.rejects(linesFrom(utf8Bytes('a\n'), Uint8Array.from([0xff, 10])), {
    code: 'input-wrong',
    message: /^line 2 /,
  })
})

async function linesOfFile(path: string): Promise<string[]> {
  const lines: string[] = []
  for await (const line of linesOf(path).lines) lines.push(line)
  return lines
}

t.test('a file is read plain or compressed, whatever its name', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'records')
  writeFileSync(path, 'a\nb\n')
  t.same(await linesOfFile(path), ['a', 'b'])
  writeFileSync(path, gzipSync('a\nb\n'))
  t.same(await linesOfFile(path), ['a', 'b'])
  t.equal(linesOf(path).bytesTotal, gzipSync('a\nb\n').length)
  writeFileSync(path, '')
  t.same(await linesOfFile(path), [])
})

t.test('a broken or missing file is said to be so', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'records')
  const whole = gzipSync('a\n'.repeat(1000))
  writeFileSync(path, whole.subarray(0, whole.length - 12))
  await t.rejects(linesOfFile(path), { code: 'input-wrong', message: /gzip/ })
  await t.rejects(linesOfFile(join(directory, 'nowhere')), {
    code: 'input-wrong',
    message: /ENOENT/,
  })
})
