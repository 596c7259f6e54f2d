/**
 * Every kind of sentence that a checker can say is provoked, and explained in `test/README.md`.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Life } from '../../src/dynamo/membership/liveness.ts'
import { nodeId } from '../../src/dynamo/names.ts'
import { OwnerRows } from '../../src/dynamo/ring/owner-rows.ts'
import { Ring } from '../../src/dynamo/ring/ring.ts'
import { Stages } from '../../src/dynamo/ring/stages.ts'
import { firstTable, tableOf } from '../../src/dynamo/ring/table.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import { Bounds } from '../../src/sim/checkers/bounds.ts'
import { checkCausality } from '../../src/sim/checkers/causality.ts'
import { checkDurability, type Final } from '../../src/sim/checkers/durability.ts'
import { type Kind, KINDS, SENTENCES_MAX } from '../../src/sim/checkers/findings.ts'
import { checkLastWrites } from '../../src/sim/checkers/last-write.ts'
import { checkScans } from '../../src/sim/checkers/scans.ts'
import { checkLiveness } from '../../src/sim/checkers/liveness.ts'
import { ClusterKeysChecker } from '../../src/sim/checkers/cluster-keys.ts'
import { MembershipChecker, type SeenMembers } from '../../src/sim/checkers/membership.ts'
import { OwnersChecker } from '../../src/sim/checkers/owners.ts'
import { Recovery } from '../../src/sim/checkers/recovery.ts'
import { History, type WriteEvent } from '../../src/sim/history/history.ts'
import { members } from '../unit/dynamo/ring/members.ts'

function writing(event: Partial<WriteEvent> = {}): WriteEvent {
  const told = { key: 'k', isDelete: false, replacesSeen: false, follows: [], deletesBelow: 0 }
  return { ...told, startedMs: 0, ...event }
}

function done(history: History, event: Partial<WriteEvent> = {}, endedMs = 1): number {
  const id = history.begin(writing(event))
  history.end(id, 'ok', endedMs)
  return id
}

function refused(history: History): number {
  const id = history.begin(writing())
  history.end(id, 'refused', 1, 'overloaded')
  return id
}

function show(history: History, ...shown: readonly number[]): void {
  history.read({ key: 'k', startedMs: 2, endedMs: 3, shown, code: '' })
}

function lives(tell: (history: History) => void): readonly string[] {
  const history = new History()
  tell(history)
  return checkLiveness(history, { deadlineMs: 10, graceMs: 0, quietMs: 100 })
}

function reads(tell: (history: History) => void): readonly string[] {
  const history = new History()
  tell(history)
  return checkCausality(history)
}

function holds(tell: (history: History) => Final): readonly string[] {
  const history = new History()
  return checkDurability(history, tell(history))
}

function recovers(keptSequence: number, keys: number, rotten: number): readonly string[] {
  const recovery = new Recovery()
  recovery.ended(1, { sequence: 5, keys: 5, unsyncedMs: 0 })
  recovery.recovered(1, { keptSequence, keys, rotten })
  return recovery.violations
}

const MEMBER = nodeId('0000000000000001')

/** What two nodes see of one member: a record as text, and its life. */
function agrees(record: string, life: Life): readonly string[] {
  const seen: readonly SeenMembers[] = [
    { machine: 1, records: new Map([[MEMBER, 'a']]), lives: new Map([[MEMBER, 'alive']]) },
    { machine: 2, records: new Map([[MEMBER, record]]), lives: new Map([[MEMBER, life]]) },
  ]
  return new MembershipChecker().disagreements(seen, [MEMBER])
}

/** A scan of bucket b, which holds an acknowledged value, a delete and a value in doubt. */
function scans(keys: ReadonlySet<string>): readonly string[] {
  const history = new History()
  const ids = [
    done(history, { key: 'b/k' }),
    done(history, { key: 'b/gone', isDelete: true }),
    history.begin({ ...writing(), key: 'b/doubt' }),
  ]
  history.end(ids[2] as number, 'in-doubt', 2, 'x')
  const final = new Map(['b/k', 'b/gone', 'b/doubt'].map((key, i) => [key, [ids[i] as number]]))
  return checkScans(history, final, new Map([['b', keys]]))
}

/** One case of each; a kind that is new does not compile without one. */
const PROVOKED: Readonly<Record<Kind, () => readonly string[]>> = {
  lost: () => holds((history) => (done(history), new Map([['k', []]]))),
  unread: () => holds((history) => (done(history), new Map())),
  'came back': () =>
    holds((history) => new Map([['k', [0, 1].map((id) => done(history, { follows: [id - 1] }))]])),
  phantom: () => reads((history) => show(history, 7)),
  early: () => reads((history) => (done(history, { startedMs: 9 }, 10), show(history, 0))),
  'refused and seen': () => reads((history) => show(history, refused(history))),
  'refused and kept': () => holds((history) => new Map([['k', [refused(history)]]])),
  twice: () => reads((history) => (done(history), show(history, 0, 0))),
  'side by side': () =>
    reads((history) => (done(history), done(history, { follows: [0] }), show(history, 0, 1))),
  'not one': () => {
    const history = new History()
    done(history)
    const options = { isLastOnly: () => true, areClocksRight: true }
    return checkLastWrites(history, new Map([['k', [0, done(history)]]]), options)
  },
  'no answer': () => lives((history) => history.begin(writing())),
  late: () => lives((history) => done(history, {}, 11)),
  'not live': () =>
    lives((history) =>
      history.read({
        key: 'k',
        startedMs: 101,
        endedMs: 102,
        shown: undefined,
        code: 'overloaded',
      }),
    ),
  'over a limit': () => {
    const bounds = new Bounds({ callsMax: 0, connectionsMax: 0, messageBytes: 0, segmentBytes: 0 })
    bounds.object('k', { context: Context.of([]), siblings: [] }, -1)
    return bounds.violations
  },
  'went back': () => recovers(4, 5, 0),
  'keys missing': () => recovers(5, 4, 0),
  'not scanned': () => scans(new Set(['b/other'])),
  rot: () => recovers(5, 5, 1),
  'members differ': () => agrees('b', 'alive'),
  'held for dead': () => agrees('a', 'suspect'),
  'declared dead': () => {
    const membership = new MembershipChecker()
    membership.agreed([MEMBER])
    membership.declaredDead(2, MEMBER)
    return membership.violations
  },
  'key forgotten': () => keyed((keys) => keys.held(1, '00000001')),
  'key signs early': () => keyed((keys) => keys.signs(1, '00000007', [1, 2])),
  'owners missing': () => owned([0, 0, 1], [0, 1, 2]),
  'one machine': () => owned([0, 1, 2], [0, 1, 3]),
  'and more': () =>
    reads((history) => {
      for (let i = 0; i <= SENTENCES_MAX; i++) show(history, 7)
    }),
}

/** The owners of the one partition, before its moves and at their end. */
function owned(base: readonly number[], end: readonly number[]): readonly string[] {
  const all = members(4, (i) => ({ machine: `m${i % 3}` }))
  const first = firstTable(new Ring(0, all, Uint16Array.from(end)))
  const rows = new OwnerRows(3, all, Uint16Array.from(base), new Uint32Array(1))
  const checker = new OwnersChecker()
  checker.inEffect(new Stages(tableOf({ ...first, number: 2, ns: [3] }), [rows]), [])
  return checker.violations
}

/** Node 1 has kept a key that node 2 has not. */
function keyed(then: (keys: ClusterKeysChecker) => void): readonly string[] {
  const keys = new ClusterKeysChecker()
  for (const machine of [1, 2]) keys.held(machine, '00000001')
  keys.kept(1, '00000007')
  then(keys)
  return keys.violations
}

t.test('a cluster key may be lost with a disk, and dropped', async (t) => {
  t.strictSame(
    keyed((keys) => (keys.lost(1), keys.held(1, '00000001'))),
    [],
  )
  t.strictSame(
    keyed((keys) => (keys.dropped('00000007'), keys.held(1, '00000001'))),
    [],
  )
  t.strictSame(
    keyed((keys) => (keys.lost(2), keys.signs(1, '00000007', [1, 2]))),
    [],
  )
  t.strictSame(
    keyed((keys) => (keys.kept(2, '00000007'), keys.signs(1, '00000007', [1, 2]))),
    [],
  )
  const again = keyed((keys) => (keys.lost(2), keys.agreed(), keys.signs(1, '00000007', [1, 2])))
  t.equal(again.length, 1, 'what was lost is there again once all agree')
})

t.test('every kind of sentence is provoked by a case of its own', async (t) => {
  t.strictSame(Object.keys(PROVOKED).sort(), [...KINDS].sort())
  for (const kind of KINDS) {
    t.ok(
      PROVOKED[kind]().some((sentence) => sentence.startsWith(`${kind}: `)),
      kind,
    )
  }
})

t.test('a scan owes acknowledged values alone', async (t) => {
  t.strictSame(scans(new Set(['b/k'])), [])
  t.strictSame(scans(new Set()), ['not scanned: b/k holds 0 and was in no page'])
})

t.test('members that agree say nothing, and no death counts in chaos', async (t) => {
  t.strictSame(agrees('a', 'alive'), [])
  const membership = new MembershipChecker()
  membership.declaredDead(2, MEMBER)
  membership.agreed([MEMBER])
  membership.declaredDead(2, nodeId('0000000000000002'))
  membership.chaos()
  membership.declaredDead(2, MEMBER)
  t.strictSame(membership.violations, [])
})

t.test('every kind of sentence is explained', async (t) => {
  const page = readFileSync('test/README.md', 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('|') && line.includes('checkers/'))
  const explained = rows.flatMap((row) => (row.split('|')[1] ?? '').match(/`[^`]+`/g) ?? [])
  t.strictSame(explained.map((kind) => kind.slice(1, -1)).sort(), [...KINDS].sort())
})
