/** Which acknowledged writes a bucket does not promise that need not be synced. */
import t from 'tap'
import { checkDurability } from '../../src/sim/checkers/durability.ts'
import { Unsynced } from '../../src/sim/checkers/unsynced.ts'
import { History } from '../../src/sim/history/history.ts'

const durable = (unsyncedMs: number) => ({ sequence: 0, keys: 0, unsyncedMs })
/** Machines 1 and 2 are two, 3 and 4 state one. */
const partOf = (machine: number): string => (machine <= 2 ? `${machine}` : '3')

t.test('a write may be lost where W machines ended before a sync of its time', async (t) => {
  const ends: readonly [string, readonly (readonly [number, number, number])[], boolean][] = [
    ['none ended', [], false],
    ['one of two', [[1, 20, 110]], false],
    [
      'two',
      [
        [1, 20, 110],
        [2, 50, 130],
      ],
      true,
    ],
    [
      'one twice',
      [
        [1, 20, 110],
        [1, 50, 130],
      ],
      false,
    ],
    [
      'two that are one machine',
      [
        [3, 20, 110],
        [4, 50, 130],
      ],
      false,
    ],
    [
      'one had synced all',
      [
        [1, 20, 110],
        [2, 0, 110],
      ],
      false,
    ],
    [
      'one had synced it',
      [
        [1, 20, 110],
        [2, 20, 150],
      ],
      false,
    ],
    [
      'one ended before it',
      [
        [1, 20, 110],
        [2, 50, 89],
      ],
      false,
    ],
  ]
  for (const [label, all, may] of ends) {
    const unsynced = new Unsynced(partOf)
    for (const [machine, ms, nowMs] of all) unsynced.ended(machine, durable(ms), nowMs)
    // Acknowledged from 90 to 100.
    t.equal(unsynced.mayBeLost(90, 100, 2), may, label)
    t.equal(unsynced.lost, may ? 1 : 0)
  }
})

t.test('a damaged disk counts until copies are whole again', async (t) => {
  const unsynced = new Unsynced(partOf)
  unsynced.damaged(1)
  unsynced.ended(2, durable(50), 130)
  t.ok(unsynced.mayBeLost(90, 100, 2))
  t.notOk(unsynced.mayBeLost(290, 300, 2), 'the other machine has it')
  unsynced.whole(200)
  t.ok(unsynced.mayBeLost(90, 100, 2))
  unsynced.damaged(1)
  unsynced.ended(2, durable(50), 330)
  t.ok(unsynced.mayBeLost(290, 300, 2))
  t.notOk(unsynced.mayBeLost(190, 199, 2), 'what was whole since is not lost by a later fault')
  unsynced.whole(1_000)
  for (const machine of [1, 2]) unsynced.ended(machine, durable(5_000), 2_000)
  t.notOk(unsynced.mayBeLost(900, 950, 2), 'nor is it by a log that waits for so long')
  t.ok(unsynced.mayBeLost(1_100, 1_200, 2))
})

t.test('only what is missing and may be is let pass', async (t) => {
  const history = new History()
  const write = (key: string): number => {
    const event = { key, isDelete: false, replacesSeen: false, follows: [], deletesBelow: 0 }
    const id = history.begin({ ...event, startedMs: 90 })
    history.end(id, 'ok', 100)
    return id
  }
  const [kept, gone] = [write('a'), write('a')]
  const asked: number[] = []
  const judged = (may: boolean): readonly string[] =>
    checkDurability(history, new Map([['a', [kept]]]), new Set(), undefined, (id) => {
      asked.push(id)
      return may
    })
  t.match(judged(false), [/^lost: a no longer holds 1/])
  t.same(judged(true), [])
  t.same(asked, [gone, gone], 'the other is there')
})
