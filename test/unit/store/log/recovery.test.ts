/** What a start makes of a log that was cut, torn, or has rotted: byte by byte. */
import t, { type Test } from 'tap'
import { keyName } from '../../../../src/dynamo/names.ts'
import { sipHash64 } from '../../../../src/native/digest.ts'
import {
  encodeRecord,
  RECORD_HEADER_BYTES,
  RECORD_WORDS,
  recordBytes,
  RecordWord,
} from '../../../../src/native/record.ts'
import type { Engine } from '../../../../src/store/engine.ts'
import type { RecoveryReport } from '../../../../src/store/log/open-log.ts'
import { MARK_BYTES } from '../../../../src/store/log/writer.ts'
import {
  encodeSegmentHeader,
  SEGMENT_FORMAT,
  SEGMENT_HEADER_BYTES,
} from '../../../../src/store/log/segment.ts'
import {
  contents,
  DIGEST_KEY,
  digestOf,
  erasure,
  type ObjectEntry,
  put,
  scanAll,
  textOf,
} from '../../../../src/store/conformance/subject.ts'
import { keep, Lab } from '../lab.ts'

const SEGMENT = '00000001.seg'
const named = (key: string, text: string): ObjectEntry => put(keyName('b', key), text)
/** Of a record of bucket b, a key of one byte, and an object of `length` bytes. */
const taken = (length: number): number => recordBytes(1, 1, 0, length)

/** The first segment of a log to which `write` has appended, as the disk holds it. */
async function segmentOf(
  write: (engine: Engine) => Promise<void>,
  isIdle = false,
): Promise<Uint8Array> {
  const lab = new Lab(1)
  return lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 4096 })
      await write(engine)
      if (isIdle) await lab.pause(300_000)
      lab.crash()
      return lab.read(SEGMENT)
    })(),
  )
}

interface Outcome {
  readonly found: string
  readonly recovery: RecoveryReport
  readonly damages: readonly string[]
  readonly lab: Lab
  readonly engine: Engine
}

/** Opens a log of these segments, and once more after a power cut: the second shows the same. */
async function outcomeOf(t: Test, ...segments: readonly Uint8Array[]): Promise<Outcome> {
  const lab = new Lab(1)
  return lab.done(
    (async () => {
      for (const [i, bytes] of segments.entries()) await lab.write(`0000000${i + 1}.seg`, bytes)
      const { engine, recovery, damages } = await lab.open({ segmentBytes: 4096 })
      const found = JSON.stringify([...(await contents(engine))])
      await engine.close()
      lab.crash()
      const again = await lab.open({ segmentBytes: 4096 })
      t.equal(JSON.stringify([...(await contents(again.engine))]), found, 'the same once more')
      t.equal(again.recovery.rotten, recovery.rotten, 'no more rot than before')
      t.equal(again.recovery.tornBytes, 0, 'a torn tail is gone')
      return { found, recovery, damages, lab, engine: again.engine }
    })(),
  )
}

const state = (...pairs: readonly (readonly [string, string])[]): string => JSON.stringify(pairs)

void t.test('the last record cut at every byte is dropped, unless it is whole', async (t) => {
  const whole = await segmentOf(async (engine) => {
    await keep(engine, 'a', 'first')
    await keep(engine, 'b', 'second')
    engine.append([named('c', 'third, and a bit longer..')])
    await engine.synced(engine.append([named('d', 'fourth')]))
  })
  const [first, second] = [taken(5), taken(6)]
  const third = SEGMENT_HEADER_BYTES + first + second
  const fourth = third + taken(25)
  const end = fourth + taken(6)
  const padding = (length: number): number => taken(length) - (RECORD_HEADER_BYTES + 2 + length)
  t.ok(padding(25) > 0)
  const zeros = (bytes: Uint8Array, from: number): Uint8Array => bytes.slice().fill(0, from)
  for (let cut = third; cut <= end; cut++) {
    const text = [
      ['a', 'first'],
      ['b', 'second'],
      ['c', 'third, and a bit longer..'],
      ['d', 'fourth'],
    ] as const
    // Padding carries nothing: a record without its last zeros is whole, where zeros follow.
    const isWholeC = cut >= fourth - padding(25)
    const isWholeD = cut >= end - padding(6)
    const kept = isWholeD ? 4 : isWholeC ? 3 : 2
    const short = await outcomeOf(t, zeros(whole, cut))
    const wanted = state(...text.slice(0, kept))
    if (short.found !== wanted) t.equal(short.found, wanted, `zeros from ${cut}`)
    if (short.recovery.rotten !== 0) t.equal(short.recovery.rotten, 0, `zeros from ${cut}`)
    const file = await outcomeOf(t, whole.slice(0, cut))
    const ended = state(...text.slice(0, cut >= end ? 4 : cut >= fourth ? 3 : 2))
    if (file.found !== ended) t.equal(file.found, ended, `ended at ${cut}`)
    const { damages } = file
    const told = [`${SEGMENT} ends at byte ${cut}; it was made with 4096 bytes.`]
    if (damages[0] !== told[0] || damages.length > 1) t.same(damages, told)
  }
})

void t.test(
  'a bit flipped anywhere: below what is known durable rot, above it a torn tail',
  async (t) => {
    const whole = await segmentOf(async (engine) => {
      await keep(engine, 'a', 'first!!!')
      await keep(engine, 'b', 'second!!')
      await keep(engine, 'c', 'third!!!')
      await keep(engine, 'd', 'fourth!!')
    })
    const size = taken(8)
    const ofRecord = (i: number): number => SEGMENT_HEADER_BYTES + i * size
    const contentsEnd = RECORD_HEADER_BYTES + 2 + 8
    for (let i = 0; i < 4; i++) {
      for (let at = 0; at < size; at++) {
        const bytes = whole.slice()
        bytes[ofRecord(i) + at] = (bytes[ofRecord(i) + at] as number) ^ (1 << (at % 8))
        const { found, recovery } = await outcomeOf(t, bytes)
        const all = [
          ['a', 'first!!!'],
          ['b', 'second!!'],
          ['c', 'third!!!'],
          ['d', 'fourth!!'],
        ] as const
        const isHarmless = at >= contentsEnd
        const wanted = state(...all.filter((_, index) => isHarmless || index !== i))
        if (found !== wanted) t.equal(found, wanted, `record ${i}, byte ${at}`)
        const rotten = isHarmless || i === 3 ? 0 : 1
        if (recovery.rotten !== rotten) t.equal(recovery.rotten, rotten, `record ${i}, byte ${at}`)
      }
    }
  },
)

void t.test('a key whose newest record rots does not fall back to an older one', async (t) => {
  const bytes = await segmentOf(async (engine) => {
    await keep(engine, 'a', 'old')
    await keep(engine, 'a', 'new')
    await keep(engine, 'b', 'x')
    await keep(engine, 'b', 'y')
  })
  bytes[SEGMENT_HEADER_BYTES + taken(3) + RECORD_HEADER_BYTES + 4] = 0
  const { recovery, engine, lab } = await outcomeOf(t, bytes)
  t.equal(recovery.rotten, 1)
  await lab.done(
    (async () => {
      await t.rejects(textOf(engine, 'a'), { code: 'record-rotten' })
      await keep(engine, 'a', 'repaired')
      t.equal(await textOf(engine, 'a'), 'repaired')
    })(),
  )
})

void t.test('many damages do not end a scan, nor does a length that lies', async (t) => {
  const count = 42
  const bytes = await segmentOf(async (engine) => {
    for (let i = 0; i < count; i++) await keep(engine, String.fromCharCode(48 + i), 'x')
  })
  const at = (i: number): number => SEGMENT_HEADER_BYTES + i * taken(1)
  for (let i = 0; i < count - 2; i += 2) {
    // The length of the body, to something that leads far away.
    bytes[at(i) + 13] = 0xff
    bytes[at(i) + 14] = i
  }
  const { found, recovery } = await outcomeOf(t, bytes)
  t.equal(recovery.rotten, (count - 2) / 2)
  t.equal((JSON.parse(found) as unknown[]).length, count - (count - 2) / 2)
})

void t.test('after rot, a value that looks like a record is not taken for one', async (t) => {
  const victim = keyName('b', 'v')
  const forgedAt = SEGMENT_HEADER_BYTES + 96
  const forged = new Uint8Array(recordBytes(1, 1, 0, 6))
  const { bucket, key } = victim
  const [none, body] = [new Uint8Array(0), new TextEncoder().encode('forged')]
  // The attacker knows where it will stand, but not the digest key.
  const { hi, lo } = sipHash64(new Uint8Array(16), body)
  const head = new Uint32Array(RECORD_WORDS)
  head.set([1, forgedAt, 1], RecordWord.segment)
  head.set([hi, lo], RecordWord.digestHi)
  head[RecordWord.kind] = 1
  encodeRecord(forged, 0, head, bucket, key, none, body)
  // Behind the header, two bytes of names, and two of the object.
  const object = new Uint8Array(2 + forged.length)
  object.set(forged, 2)
  const bytes = await segmentOf(async (engine) => {
    engine.append([{ ...named('a', ''), object, ...digestOf(object) }])
    await engine.synced(engine.append([named('b', 'x')]))
    await keep(engine, 'c', 'y')
  })
  t.equal(bytes[forgedAt], 'E'.charCodeAt(0), 'it stands where a record could begin')
  bytes[SEGMENT_HEADER_BYTES + 20] = 1
  const { found, recovery } = await outcomeOf(t, bytes)
  t.equal(found, state(['b', 'x'], ['c', 'y']))
  t.equal(recovery.rotten, 1)
})

void t.test('a batch whose end is missing is dropped whole', async (t) => {
  const bytes = await segmentOf(async (engine) => {
    await keep(engine, 'a', '1')
    await engine.synced(
      engine.append([
        named('a', '2'),
        named('b', '2'),
        erasure(keyName('b', 'a')),
        named('c', '2'),
      ]),
    )
  })
  t.equal((await outcomeOf(t, bytes)).found, state(['b', '2'], ['c', '2']))
  const first = SEGMENT_HEADER_BYTES + taken(1)
  const end = first + 4 * taken(1)
  for (let cut = first; cut < end - taken(1) + 8; cut += 8) {
    const { found, lab } = await outcomeOf(t, bytes.slice().fill(0, cut))
    t.equal(found, state(['a', '1']), `zeros from ${cut}`)
    if (cut >= first + taken(1)) t.equal(lab.sim.trace.count('torn-tail-dropped'), 1)
  }
})

/** Nine batches above S, over several segments of 400 bytes. */
async function unsyncedSegments(): Promise<readonly Uint8Array[]> {
  const lab = new Lab(1)
  return lab.done(
    (async () => {
      const { engine } = await lab.open()
      await keep(engine, 'a', '1')
      let last = 0
      for (let i = 0; i < 9; i++) last = engine.append([named(`${i}`, 'x'.repeat(60))])
      await engine.synced(last)
      lab.crash()
      return Promise.all((await lab.segments()).map((name) => lab.read(name)))
    })(),
  )
}

void t.test('above S a gap costs only what was in it, also in later segments', async (t) => {
  const segments = await unsyncedSegments()
  t.ok(segments.length > 3)
  const holed = segments.map((bytes, i) =>
    i === 1 ? bytes.slice().fill(0, SEGMENT_HEADER_BYTES) : bytes,
  )
  const { found, recovery } = await outcomeOf(t, ...holed)
  const inSecond = Math.floor((400 - SEGMENT_HEADER_BYTES) / taken(60))
  t.equal((JSON.parse(found) as unknown[]).length, 1 + 9 - inSecond)
  t.equal(recovery.rotten, 0)
})

/** 21 acknowledged, idle for minutes, the power goes, and one bit rots: 2 were left. */
void t.test('one rotten bit in the last group before a crash costs one record', async (t) => {
  for (const isIdle of [true, false]) {
    const bytes = await segmentOf(async (engine) => {
      await keep(engine, 'a', '1')
      let last = 0
      for (let i = 0; i < 20; i++) last = engine.append([named(String.fromCharCode(65 + i), 'x')])
      await engine.synced(last)
    }, isIdle)
    const third = SEGMENT_HEADER_BYTES + 3 * taken(1)
    bytes[third + RECORD_HEADER_BYTES + 2] = (bytes[third + RECORD_HEADER_BYTES + 2] as number) ^ 1
    const { found, recovery, engine, lab } = await outcomeOf(t, bytes)
    t.equal((JSON.parse(found) as unknown[]).length, 20)
    t.equal(recovery.rotten, isIdle ? 1 : 0, 'an idle log has vouched for it')
    if (!isIdle) continue
    await lab.done(t.rejects(textOf(engine, 'C'), { code: 'record-rotten' }))
  }
})

void t.test('an idle log writes one mark, however long it is idle', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 4096 })
      const markAt = SEGMENT_HEADER_BYTES + taken(1)
      await keep(engine, 'a', '1')
      await lab.pause(45)
      t.equal((await lab.read(SEGMENT))[markAt], 0, 'not yet')
      await lab.pause(500)
      const bytes = await lab.read(SEGMENT)
      t.equal(bytes[markAt + 5], 3, 'a mark')
      t.equal(bytes[markAt + 30], 1, 'that vouches for the record before it')
      t.ok(
        bytes.subarray(markAt + MARK_BYTES).every((byte) => byte === 0),
        'once',
      )
      await keep(engine, 'b', '1')
      await lab.pause(500)
      const next = await lab.read(SEGMENT)
      t.equal(next[markAt + MARK_BYTES + taken(1) + 5], 3, 'and again after the next write')
      t.equal(engine.report().syncs, 4)
    })(),
  )
})

void t.test('a rotten segment header costs no record, and is told', async (t) => {
  const bytes = await segmentOf(async (engine) => {
    await keep(engine, 'a', '1')
    await keep(engine, 'b', '2')
  })
  bytes[1] = 0
  const { found, recovery } = await outcomeOf(t, bytes)
  t.equal(found, state(['a', '1'], ['b', '2']))
  t.equal(recovery.rotten, 1)
})

void t.test('a directory of zeros, or of noise, opens', async (t) => {
  t.equal((await outcomeOf(t, new Uint8Array(4096))).found, '[]')
  t.equal((await outcomeOf(t, new Uint8Array(0))).found, '[]')
  const noise = new Lab(5).prng.fill(new Uint8Array(4001))
  t.equal((await outcomeOf(t, noise, noise.slice(0, 33))).found, '[]')
})

void t.test('data of a newer format or of another key is refused, and not changed', async (t) => {
  const bytes = await segmentOf((engine) => keep(engine, 'a', '1'))
  const newer = encodeSegmentHeader(1, 4096, DIGEST_KEY, SEGMENT_FORMAT + 1)
  const foreign = encodeSegmentHeader(1, 4096, new Uint8Array(16))
  for (const [header, code] of [
    [newer, 'data-newer'],
    [foreign, 'data-foreign'],
  ] as const) {
    const lab = new Lab(1)
    await lab.done(
      (async () => {
        const spoilt = bytes.slice()
        spoilt.set(header)
        await lab.write('00000001.seg', bytes)
        await lab.write('00000002.seg', spoilt)
        await lab.write('00000003.seg.new', new Uint8Array(9))
        if (code === 'data-newer')
          spoilt.set(encodeSegmentHeader(2, 4096, DIGEST_KEY, SEGMENT_FORMAT + 1))
        else spoilt.set(encodeSegmentHeader(2, 4096, new Uint8Array(16)))
        await lab.write('00000002.seg', spoilt)
        await t.rejects(lab.open(), { code })
        const names = await (await lab.directory()).list()
        t.same(names, ['00000001.seg', '00000002.seg', '00000003.seg.new'])
        t.same(await lab.read('00000001.seg'), bytes)
        t.same(await lab.read('00000002.seg'), spoilt)
        const lock = await (await lab.directory()).lock()
        await lock.unlock()
      })(),
    )
  }
})

void t.test('opening again and again changes nothing and does not grow', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      for (let i = 0; i < 12; i++) {
        const { engine, recovery } = await lab.open()
        t.same([recovery.rotten, recovery.tornBytes], [0, 0])
        t.equal((await scanAll(engine)).length, i === 0 ? 0 : 5)
        if (i === 0) for (const key of ['a', 'b', 'c', 'd', 'e']) await keep(engine, key, 'x')
        if (i % 3 === 1) lab.crash()
        else if (i % 3 === 2) await engine.close()
        else lab.kill()
      }
      t.ok((await lab.segments()).length <= 5)
    })(),
  )
})

void t.test('erased keys take no room in the directory after a start', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open()
      for (const key of ['a', 'b', 'c']) await keep(engine, key, '1')
      for (const key of ['a', 'c']) await engine.synced(engine.append([erasure(keyName('b', key))]))
      await keep(engine, 'b', '2')
      await engine.close()
      const again = await lab.open()
      await lab.pause(50)
      t.equal(again.engine.report().keys, 1)
      t.same([...(await contents(again.engine))], [['b', '2']])
    })(),
  )
})
