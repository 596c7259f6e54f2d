/** The main job in small: 1,500 records, the same path. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Prng } from '../../src/base/prng.ts'
import { mainJob } from './main-job.ts'

const RECORDS = 1_500
const SEED = 20_261_123
const BYTES_MAX = 2_000
const WINDOW = 16

/** Text and bytes, short and long, empty values, and one key said twice. */
function records(): string {
  const prng = Prng.of(SEED)
  const lines = Array.from({ length: RECORDS }, (_, i) => {
    const bytes = Buffer.from(prng.fill(new Uint8Array(prng.below(BYTES_MAX))))
    if (i % 3 !== 0) return { key: `key ${i} é`, value: bytes.toString('base64') }
    const key64 = Buffer.from([0xff, 0xfe, i >> 8, i & 0xff]).toString('base64')
    return { key64, value64: bytes.toString('base64') }
  })
  lines.push({ key: 'key 1 é', value: 'the later one' })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

const directory = mkdtempSync(join(tmpdir(), 'everwrite-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const file = join(directory, 'records.ndjson.gz')
writeFileSync(file, gzipSync(records()))
const say = (line: string): void => t.comment(line)

t.test('records survive a killed node, a killed cluster and a second import', async (t) => {
  const verdict = await mainJob({ file, say, window: WINDOW })
  t.ok(verdict.isMet, verdict.figure)
})
