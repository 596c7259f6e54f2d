/** How two sets become equal, and what that costs. */
import * as fc from 'fast-check'
import t from 'tap'
import * as exchange from '../../../../src/dynamo/membership/exchange.ts'
import { type MemberRecord, MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { Members } from '../../../../src/dynamo/membership/members.ts'
import { messageBytes } from '../../../../src/dynamo/membership/message-bytes.ts'
import type { Fill, Message } from '../../../../src/dynamo/membership/message.ts'
import { type Standing, Standings } from '../../../../src/dynamo/membership/standings.ts'
import { id, record, records } from './samples.ts'

interface Side {
  readonly members: Members
  readonly standings: Standings
}

function side(all: readonly MemberRecord[], standings: readonly Standing[] = []): Side {
  const made = { members: new Members(), standings: new Standings() }
  for (const one of all) made.members.take(one)
  for (const one of standings) made.standings.take(one)
  return made
}

function take({ members, standings }: Side, fill: Fill): void {
  for (const one of fill.records) members.take(one)
  for (const one of fill.standings) standings.take(one)
}

/** One exchange that `a` begins. Returns the messages. */
function run(a: Side, b: Side): readonly Message[] {
  const compare = exchange.compare(a)
  const buckets = exchange.onCompare(b, compare)
  if (buckets === undefined) return [compare]
  const lists = exchange.onBuckets(a, buckets)
  if (lists === undefined) return [compare, buckets]
  for (const one of lists.standings) b.standings.take(one)
  const fill = exchange.onLists(b, lists)
  take(a, fill)
  const wanted = exchange.onWanted(a, fill.wanted)
  if (wanted !== undefined) take(b, wanted)
  return [compare, buckets, lists, fill, ...(wanted === undefined ? [] : [wanted])]
}

const bytesOf = (messages: readonly Message[]): number =>
  messages.reduce((sum, message) => sum + messageBytes(message), 0)

const anyRecord = fc
  .record({
    number: fc.integer({ min: 0, max: 15 }),
    version: fc.integer({ min: 1, max: 3 }),
    weight: fc.integer({ min: 1, max: 3 }),
    state: fc.constantFrom(MemberState.joined, MemberState.joined, MemberState.gone),
  })
  .map(({ number, ...over }) => record(number, over))
const anyStanding = fc.record({
  id: fc.integer({ min: 0, max: 15 }).map(id),
  incarnation: fc.integer({ min: 0, max: 3 }),
  isDead: fc.boolean(),
})
const anySide = fc.tuple(fc.array(anyRecord), fc.array(anyStanding))

t.test('two sets are equal after one exchange, and have lost nothing', async (t) => {
  fc.assert(
    fc.property(anySide, anySide, (one, other) => {
      const [a, b] = [side(...one), side(...other)]
      const both = side([...one[0], ...other[0]], [...one[1], ...other[1]])
      run(a, b)
      for (const { members, standings } of [a, b]) {
        t.same(members.digest.total, both.members.digest.total)
        t.same(standings.digest.total, both.standings.digest.total)
      }
    }),
    { numRuns: 150 },
  )
})

t.test('equal sets of 2,000 members cost 18 bytes, one difference about 1.2 kB', async (t) => {
  const all = records(2_000)
  const [a, b] = [side(all), side(all)]
  t.equal(bytesOf(run(a, b)), 18)
  b.members.take(record(77, { version: 2, weight: 3 }))
  const bytes = bytesOf(run(a, b))
  t.comment(`one record that differs: ${bytes} bytes`)
  t.ok(bytes < 1_300)
  t.equal(bytesOf(run(a, b)), 18)
  b.standings.take({ id: id(99), incarnation: 4, isDead: true })
  const standing = bytesOf(run(a, b))
  t.comment(`one standing that differs: ${standing} bytes`)
  t.ok(standing < 600)
})

t.test('a newcomer gets 4,096 members in messages that are bounded', async (t) => {
  const [a, b] = [side([record(0)]), side(records(4_096))]
  let rounds = 0
  let most = 0
  for (; a.members.size < 4_096 && rounds < 100; rounds++) {
    const messages = run(a, b)
    most = Math.max(most, ...messages.map(messageBytes))
    const last = messages.find((one) => one.kind === 'fill')
    t.equal(last?.isCut, a.members.size < 4_096)
  }
  t.comment(`${rounds} exchanges, the longest message of ${most} bytes`)
  t.ok(rounds > 1 && rounds < 20)
  t.ok(most <= 65_536)
})

t.test('lists and wishes are bounded, and the rest follows', async (t) => {
  const [a, b] = [side(records(4_096)), side([record(0)])]
  let rounds = 0
  while (b.members.size < 4_096 && rounds < 100) {
    for (const message of run(a, b)) t.ok(messageBytes(message) <= 65_536, message.kind)
    rounds += 1
  }
  t.equal(b.members.size, 4_096)
})

t.test('sums of another count of buckets are no reason to list anything', async (t) => {
  const a = side(records(10))
  t.equal(exchange.onBuckets(a, { kind: 'buckets', records: [], standings: undefined }), undefined)
})
