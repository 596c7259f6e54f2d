/** Segments that are removed while readers hold them, as a compaction will do. */
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import { utf8Text } from '../../../../src/base/bytes.ts'
import { keyName, OWN } from '../../../../src/dynamo/names.ts'
import type { Token } from '../../../../src/native/digest.ts'
import { segmentName } from '../../../../src/store/files.ts'
import type { KeyIndex } from '../../../../src/store/log/key-index.ts'
import { PlaceIndexes } from '../../../../src/store/log/place-indexes.ts'
import { Pending } from '../../../../src/store/log/pending.ts'
import { type Location, tagOf } from '../../../../src/store/log/location.ts'
import { RecordReader, WHOLE } from '../../../../src/store/log/record-reader.ts'
import { Scanner } from '../../../../src/store/log/scan.ts'
import { SEGMENT_HEADER_BYTES } from '../../../../src/store/log/segment.ts'
import { Segments } from '../../../../src/store/log/segments.ts'
import { copyOf, LAST_TOKEN, put } from '../../../../src/store/conformance/subject.ts'
import { Lab } from '../lab.ts'

const TOKEN: Token = u64(5, 5)
const KEY = keyName('b', 'a')
const OTHER = keyName('b', 'z')
const TEXT = 'x'.repeat(250)

interface Bench {
  readonly lab: Lab
  readonly segments: Segments
  readonly index: KeyIndex
  readonly scanner: Scanner
}

const placeIn = (segment: number): Location => ({
  segment,
  offset: SEGMENT_HEADER_BYTES,
  tag: tagOf(KEY.bucket),
})

/** Three segments of one record each, none in the page cache: `a`, its copy, a key of its token. */
async function bench(lab: Lab): Promise<Bench> {
  const { engine } = await lab.open()
  for (const name of [KEY, KEY, OTHER]) {
    await engine.synced(engine.append([{ ...put(name, TEXT), token: TOKEN }]))
  }
  await engine.close()
  const directory = await lab.directory()
  const segments = new Segments(directory)
  for (const number of [1, 2, 3]) {
    const file = await directory.open(segmentName(number))
    segments.add({ number, file, bytes: await file.size() })
  }
  const reader = new RecordReader(segments, new Pending(400), lab.world.trace)
  const indexes = new PlaceIndexes(reader)
  return { lab, segments, index: indexes.own, scanner: new Scanner(indexes, reader) }
}

function insert({ index }: Bench, place: Location): void {
  index.insert(TOKEN, place, 100)
}

/** Does what a compaction does once it has copied the record of segment 1 to segment 2. */
function move({ index, segments }: Bench): Promise<void> {
  index.replace(TOKEN, placeIn(1), placeIn(2), 0)
  return segments.remove(1)
}

/** Runs `body` on a bench while virtual time passes. */
function onBench(body: (bench: Bench) => Promise<void>): Promise<void> {
  const lab = new Lab(4, { residentChance: 0 })
  return lab.done(bench(lab).then(body))
}

void t.test('a get whose segment is removed meanwhile still reads its record', (t) =>
  onBench(async (bench) => {
    insert(bench, placeIn(1))
    const got = bench.index.newest(copyOf(KEY, { token: TOKEN }), WHOLE)
    const removed = move(bench)
    t.equal(bench.segments.get(1), undefined, 'no other reader finds it')
    t.ok((await bench.lab.segments()).includes(segmentName(1)), 'its reader holds it')
    const reading = await got
    t.equal(reading?.verdict, 'sound')
    t.equal(utf8Text(reading?.object ?? new Uint8Array()), TEXT)
    await removed
    t.notOk((await bench.lab.segments()).includes(segmentName(1)), 'then it is gone')
    t.equal(
      (await bench.index.newest(copyOf(KEY, { token: TOKEN }), WHOLE))?.verdict,
      'sound',
      'and its copy is read',
    )
  }),
)

void t.test('a record whose segment went is looked up anew, and is not called rot', (t) =>
  onBench(async (bench) => {
    // The other key is read first; by the time its reader comes to segment 1, that is gone.
    insert(bench, placeIn(3))
    insert(bench, placeIn(1))
    const got = bench.index.newest(copyOf(KEY, { token: TOKEN }), WHOLE)
    await move(bench)
    const reading = await got
    t.equal(reading?.verdict, 'sound')
    t.equal(utf8Text(reading?.object ?? new Uint8Array()), TEXT)
    t.equal(bench.lab.sim.trace.count('rot-found'), 0)
  }),
)

void t.test('a scan that comes too late for a segment finds its keys where they are now', (t) =>
  onBench(async (bench) => {
    const early: Token = u64(1, 1)
    bench.index.insert(early, placeIn(3), 100)
    insert(bench, placeIn(1))
    const range = { place: OWN, from: u64<Token>(0, 0), to: LAST_TOKEN }
    const query = { ...range, keysMax: 10, bytesMax: 1 << 20 }
    const page = bench.scanner.scan(query)
    const digests = bench.scanner.digests(query)
    await move(bench)
    const keys = (await page).entries.map(({ name }) => utf8Text(name.key))
    t.same(keys, ['z', 'a'])
    t.equal((await digests).entries.length, 2)
    t.equal(bench.lab.sim.trace.count('rot-found'), 0)
  }),
)

void t.test('a segment is opened once, and released once by each reader', (t) =>
  onBench(async ({ segments }) => {
    const second = await segments.giveAway(2)
    segments.add(second)
    t.throws(() => segments.add(second), /added once/)
    const retained = await segments.retain(2)
    retained?.release()
    t.throws(() => retained?.release(), /released once/)
    await t.rejects(segments.remove(9), /listed segment/)
  }),
)

void t.test('the sizes are those of the segments that are listed', (t) =>
  onBench(async ({ segments }) => {
    const { bytes: all, bytesMax } = segments.sizes
    t.ok(bytesMax > 0)
    const grown = { ...(await segments.giveAway(3)), bytes: 2 * bytesMax }
    segments.add(grown)
    t.same(segments.sizes, { bytes: all + bytesMax, bytesMax: 2 * bytesMax })
    await segments.giveAway(3).then(({ file }) => file.close())
    t.same(segments.sizes, { bytes: all - bytesMax, bytesMax }, 'the largest has gone')
    await segments.remove(1)
    await segments.remove(2)
    t.same(segments.sizes, { bytes: 0, bytesMax: 0 })
  }),
)
