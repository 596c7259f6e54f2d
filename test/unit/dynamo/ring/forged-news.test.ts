/**
 * News of the ring that a member made up, or bytes of it that were changed: refused as garbled, or
 * heard; and what a member knows afterwards can be used, kept and read again.
 */
import t from 'tap'
import { joinBytes, readU32, writeU32 } from '../../../../src/base/bytes.ts'
import { Prng } from '../../../../src/base/prng.ts'
import { MEMBER_TEXT_BYTES_MAX } from '../../../../src/limits.ts'
import { type NodeId, nodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { outlooksOf } from '../../../../src/dynamo/ring/outlook.ts'
import { type Owner, OwnerRows } from '../../../../src/dynamo/ring/owner-rows.ts'
import { planOf } from '../../../../src/dynamo/ring/plan.ts'
import { stagesBytes, stagesOfBytes } from '../../../../src/dynamo/ring/ring-bytes.ts'
import { newsBytes, newsOfBytes } from '../../../../src/dynamo/ring/ring-news.ts'
import { isKeptRing, type RingNews, RingView } from '../../../../src/dynamo/ring/ring-view.ts'
import { type Member, Ring } from '../../../../src/dynamo/ring/ring.ts'
import { firstStages, Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import { firstTable, type Table, tableOf } from '../../../../src/dynamo/ring/table.ts'
import { members } from './members.ts'

const SEED = 6
const MUTATIONS = 2_000
const BITS = 2
const N = 3
const ALL = members(5)
const IDS = ALL.map(({ id }) => id)
const [A] = IDS as [NodeId]
const NEEDED = new Map(IDS.slice(0, 3).map((id) => [id, 'first']))
const FIRST = firstTable(claim(ALL.slice(0, 3), BITS, N).ring)

function child(parent: Table, by: readonly Member[], bits = parent.ring.bits): Table {
  return planOf({ parent, members: by, needed: NEEDED, without: [], ns: [1, N], bits }).table
}

const SECOND = child(FIRST, ALL)
const THIRD = child(SECOND, ALL.slice(1), BITS + 1)

function moving(done = 1): Stages {
  const stages = stagesAfter(firstStages(FIRST.ring), SECOND)
  for (let partition = 0; partition < 2 ** BITS; partition++) {
    const { filler } = stages.of(partition, N)
    if (filler !== undefined) stages.advance(partition, N, done, true)
  }
  return stages
}

function view(stages: Stages): RingView {
  const kept = { stages, adopted: stages.table, stated: undefined }
  return new RingView({ self: A, directory: 'first', kept })
}

/** The three states in which a member may be: at the first table, moving, and under way to one. */
function views(): readonly RingView[] {
  const underWay = view(moving())
  underWay.commit(THIRD)
  underWay.onDurable(THIRD)
  return [view(firstStages(FIRST.ring)), view(moving()), underWay]
}

/** Hears the news where it may, and goes on with an operator's table. True where it was heard. */
function follow(one: RingView, bytes: Uint8Array): boolean {
  const news = newsOfBytes(bytes, one.news)
  if (news === undefined || !one.mayHear(news)) return false
  one.hear(news)
  one.onDurable(one.adopted)
  one.use(2)
  if (one.mayHear(news)) one.hear(news)
  const next = child(one.adopted, ALL.slice(0, 4))
  const only = tableOf({ ...next, needed: new Map([[A, 'first']]) })
  outlooksOf(one.stages, only, new Set([ALL[1]?.id as NodeId]))
  one.commit(only)
  one.onDurable(only)
  const { kept } = one
  const read = [stagesOfBytes(stagesBytes(kept.stages)), newsOfBytes(newsBytes(one.news))]
  if (read.includes(undefined) || !isKeptRing(kept)) throw new Error('it cannot be read again')
  if (one.isFrozen) throw new Error('its own table does not take effect')
  return true
}

function newsOf(stages: Stages, more: Partial<RingNews> = {}): RingNews {
  return { stages, adopted: stages.table, seen: [], stated: undefined, ...more }
}

/** Rows of one N of the second table. */
function rowsOf(owners: readonly Owner[], rows: readonly number[], n = N): OwnerRows {
  const all = Array.from({ length: 2 ** BITS }, () => rows).flat()
  return new OwnerRows(n, owners, Uint16Array.from(all), new Uint32Array(2 ** BITS))
}

const NONE = 0xffff
const stranger = (number: number): Owner => {
  return { id: nodeId(`ff${number}`.padEnd(16, 'f')), machine: `x${number}`, zone: '' }
}
const [X, Y] = [stranger(1), stranger(2)]
const ONE = rowsOf([X], [0], 1)

/** All moves are done but the last one of each partition. */
function forged(base: OwnerRows): Stages {
  const begun = (): Stages => new Stages(SECOND, [ONE, base])
  const [all, stages] = [begun(), begun()]
  for (let partition = 0; partition < 2 ** BITS; partition++) {
    finish(all, partition)
    stages.advance(partition, N, all.of(partition, N).done - 1, true)
  }
  return stages
}

function finish(stages: Stages, partition: number): void {
  for (;;) {
    const { done, leaver, filler } = stages.of(partition, N)
    if (leaver === undefined && filler === undefined) return
    stages.advance(partition, N, done + 1, true)
  }
}
const manyParts = firstStages(claim(ALL.slice(0, 3), BITS + 2, N).ring)

const FORGED: Readonly<Record<string, RingNews>> = {
  'an owner is in a row twice': newsOf(forged(rowsOf([X, Y], [0, 0, 1]))),
  'an owner is in a row thrice': newsOf(forged(rowsOf([X], [0, 0, 0]))),
  'an owner is listed twice': newsOf(forged(rowsOf([X, X], [0, 1, NONE]))),
  'an owner is in no row': newsOf(forged(rowsOf([X, Y], [0, NONE, NONE]))),
  'a row has a gap': newsOf(forged(rowsOf([X, Y], [0, NONE, 1]))),
  'a row has no owner': newsOf(forged(rowsOf([], [NONE, NONE, NONE]))),
  'owners are in another order': newsOf(forged(rowsOf([X, Y], [1, 0, NONE]))),
  'an N of the table has no rows': newsOf(new Stages(SECOND, [ONE])),
  'the N are in another order': newsOf(new Stages(SECOND, [rowsOf([X], [0, NONE, NONE]), ONE])),
  'the statement has more partitions': newsOf(moving(), {
    adopted: child(SECOND, ALL.slice(1)),
    seen: [A],
    stated: manyParts,
  }),
  'the table in effect has more partitions': newsOf(manyParts, { adopted: SECOND }),
  'the statement is of a newer table': newsOf(moving(), {
    stated: stagesAfter(moving(), THIRD),
    seen: [A],
  }),
  'the table in effect is newer than the adopted one': newsOf(moving(), { adopted: FIRST }),
  'one has adopted it that need not': newsOf(moving(), { adopted: THIRD, seen: [X.id] }),
  'one has adopted it twice': newsOf(moving(), { adopted: THIRD, seen: [A, A] }),
  'a name is too long': newsOf(
    firstStages(renamed(FIRST.ring, 'n'.repeat(MEMBER_TEXT_BYTES_MAX + 1))),
  ),
}

function renamed({ bits, members: all, owners }: Ring, name: string): Ring {
  const renamedAll = all.map((one) => ({ ...one, name }))
  return new Ring(bits, renamedAll, owners)
}

for (const [what, news] of Object.entries(FORGED)) {
  t.test(`news is garbled where ${what}`, async (t) => {
    t.equal(newsOfBytes(newsBytes(news)), undefined)
  })
}

t.test('true news of members is read, and a table follows on it', async (t) => {
  const underWay = newsOf(moving(), { adopted: THIRD, seen: [A], stated: moving() })
  for (const news of [newsOf(moving()), underWay, newsOf(stagesAfter(moving(), THIRD))]) {
    for (const one of views().slice(0, 2)) t.ok(follow(one, newsBytes(news)))
  }
})

t.test('a table of fewer partitions than the one in effect is not followed', async (t) => {
  const one = view(stagesAfter(moving(), THIRD))
  t.notOk(one.mayHear(newsOf(moving())), 'it cannot be of this cluster')
  const other = view(moving())
  other.commit(child(child(SECOND, ALL), ALL.slice(0, 4)))
  const split = newsOf(stagesAfter(moving(), THIRD))
  t.notOk(other.mayHear(split), 'the newest table would not fit the one in effect')
  t.ok(view(moving()).mayHear(split))
})

t.test('nothing that is changed in news makes a member fail', async (t) => {
  t.comment(`seed ${SEED}`)
  const prng = Prng.of(SEED)
  const valid = [
    newsOf(moving()),
    newsOf(moving(), { adopted: THIRD, seen: [A], stated: moving() }),
    newsOf(stagesAfter(moving(), THIRD)),
    ...Object.values(FORGED),
  ].map(newsBytes)
  let heard = 0
  for (let i = 0; i < MUTATIONS; i++) {
    const bytes = mutated(valid[prng.below(valid.length)] as Uint8Array, prng)
    for (const one of views()) {
      try {
        if (follow(one, bytes)) heard += 1
      } catch (error) {
        t.fail(`mutation ${i}: ${String(error)}`)
        return
      }
    }
  }
  t.ok(heard > MUTATIONS / 20, `${heard} of ${3 * MUTATIONS} were heard`)
})

/** A few bytes are others, or a stretch stands twice, is gone, or is that of another place. */
function mutated(bytes: Uint8Array, prng: Prng): Uint8Array {
  const changed = bytes.slice()
  const kind = prng.below(4)
  const at = prng.below(bytes.length)
  if (kind === 0) changed.copyWithin(at, prng.below(bytes.length), prng.below(bytes.length))
  for (let i = prng.below(4); i > 0; i--) {
    const place = prng.below(bytes.length)
    changed[place] =
      kind === 1 ? prng.below(256) : (changed[place] as number) ^ (1 << prng.below(8))
  }
  return kind === 3 ? withLengths(changed, prng) : changed
}

/** The first part is the stages of other news, with the length that it has. */
function withLengths(bytes: Uint8Array, prng: Prng): Uint8Array {
  const all = Object.values(FORGED)
  const { stages } = all[prng.below(all.length)] as RingNews
  const part = stagesBytes(stages)
  const length = new Uint8Array(4)
  writeU32(length, 0, part.length)
  const old = readU32(bytes, 0)
  return joinBytes([length, part, bytes.subarray(Math.min(bytes.length, 4 + old))])
}
