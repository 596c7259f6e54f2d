/** Durable records that are gone: segments that were removed, cut or emptied. */
import t from 'tap'
import { recordBytes } from '../../../../src/native/record.ts'
import { SEGMENT_HEADER_BYTES } from '../../../../src/store/log/segment.ts'
import { keep, Lab } from '../lab.ts'

/** Of a record of bucket b, a key of one byte, and an object of `length` bytes. */
const taken = (length: number): number => recordBytes(1, 1, 0, length)

interface Missing {
  readonly what: string
  readonly told: string
  readonly spoil: (segments: Map<string, Uint8Array>) => void
}

const MISSING: readonly Missing[] = [
  {
    what: 'a segment is removed',
    told: '00000003.seg is missing.',
    spoil: (segments) => segments.delete('00000003.seg'),
  },
  {
    what: 'the last segment is removed, behind which one is prepared',
    told: '00000004.seg is missing.',
    spoil: (segments) => segments.delete('00000004.seg'),
  },
  {
    what: 'a segment is cut at a record',
    told: '00000003.seg ends at byte 192; it was made with 400 bytes.',
    spoil: (segments) => cutAt(segments, '00000003.seg', SEGMENT_HEADER_BYTES + taken(60)),
  },
  {
    what: 'a segment is zeros from a record on',
    told: 'The records 6 to 6 are missing.',
    spoil: (segments) => segments.get('00000003.seg')?.fill(0, SEGMENT_HEADER_BYTES + taken(60)),
  },
  {
    what: 'a segment is blank',
    told: 'The records 5 to 6 are missing.',
    spoil: (segments) => segments.get('00000003.seg')?.fill(0, SEGMENT_HEADER_BYTES),
  },
]

function cutAt(segments: Map<string, Uint8Array>, name: string, length: number): void {
  segments.set(name, (segments.get(name) as Uint8Array).slice(0, length))
}

void t.test(
  'durable records that are missing are told, at this start and at later ones',
  async (t) => {
    for (const { what, told, spoil } of MISSING) {
      const source = new Lab(1)
      const segments = new Map(await source.done(idleSegments(source)))
      spoil(segments)
      const lab = new Lab(1)
      await lab.done(
        (async () => {
          for (const [name, bytes] of segments) await lab.write(name, bytes)
          for (let start = 1; start <= 3; start++) {
            const { engine, damages } = await lab.open()
            t.same(damages, [told], `${what}, start ${start}`)
            await keep(engine, 'z', `${start}`)
            await engine.close()
          }
        })(),
      )
    }
  },
)

/** Eleven durable records in four segments, with a mark behind them; a fifth is prepared. */
async function idleSegments(lab: Lab): Promise<ReadonlyMap<string, Uint8Array>> {
  const { engine } = await lab.open()
  for (let i = 0; i < 11; i++) await keep(engine, String.fromCharCode(65 + i), 'x'.repeat(60))
  await lab.pause(100)
  const segments = new Map<string, Uint8Array>()
  for (const name of await lab.segments()) segments.set(name, await lab.read(name))
  return segments
}
