/** A write counts once it is synced, or before, as its bucket says; the sync begins anyway. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { Durability } from '../../../../src/dynamo/buckets/bucket-record.ts'
import { whenHeld } from '../../../../src/node/replica/durable.ts'
import type { Replica } from '../../../../src/node/replica/replica.ts'

type Done = (error: OperatingError | undefined) => void

t.test('a write counts as its bucket says', async (t) => {
  const failed = new OperatingError('disk-failed', 'the disk failed')
  const { always, interval } = Durability
  for (const [durability, isBehind, waits] of [
    [always, false, true],
    [interval, false, false],
    [interval, true, true],
  ] as const) {
    const asked: number[] = []
    let synced: Done | undefined
    const whenSynced = (sequence: number, done: Done): void => {
      asked.push(sequence)
      synced = done
    }
    const told: (string | undefined)[] = []
    const replica = { whenSynced, writer: { isBehind } } as unknown as Replica
    whenHeld(replica, 7, durability, (error) => told.push(error?.code))
    t.same(asked, [7], 'the sync begins')
    t.same(told, waits ? [] : [undefined], `${durability} ${isBehind}`)
    synced?.(failed)
    t.same(told, waits ? ['disk-failed'] : [undefined])
  }
})
