/** The pace of a delivery: how large its batches are, and how long it rests after each. */
import t from 'tap'
import {
  BATCH_MIN,
  BATCH_MS_GOOD,
  BATCH_MS_SLOW,
  DeliveryPace,
  REST_MS_MAX,
  REST_SHARE_MAX,
  REST_SHARE_MIN,
} from '../../../../src/dynamo/handoff/delivery-pace.ts'
import { DELIVERY_KEYS_MAX } from '../../../../src/limits.ts'

const MANY = 100

/** The rest after the last of many batches that took so long. */
function restAfterMany(pace: DeliveryPace, tookMs: number): number {
  let restMs = 0
  for (let i = 0; i < MANY; i++) restMs = pace.onBatch(tookMs, 0)
  return restMs
}

t.test('a rest is in proportion to the batch before it', async (t) => {
  const pace = new DeliveryPace()
  restAfterMany(pace, 12)
  t.equal(pace.onBatch(12, 0), 12 * REST_SHARE_MIN)
  t.equal(pace.onBatch(34, 0), 34 * REST_SHARE_MIN)
})

t.test('a delivery begins slowly', async (t) => {
  const pace = new DeliveryPace()
  const rests = Array.from({ length: 12 }, () => pace.onBatch(10, 0))
  t.ok((rests[0] as number) > 0.9 * 10 * REST_SHARE_MAX)
  t.same(
    rests,
    rests.toSorted((a, b) => b - a),
  )
  t.ok((rests.at(-1) as number) > 10 * REST_SHARE_MIN)
})

t.test('a rest is as long as slow requests ask for, up to a share of the batch', async (t) => {
  const pace = new DeliveryPace()
  restAfterMany(pace, 10)
  t.equal(pace.onBatch(10, 10 * REST_SHARE_MIN - 1), 10 * REST_SHARE_MIN)
  t.equal(pace.onBatch(10, 10 * REST_SHARE_MIN + 1), 10 * REST_SHARE_MIN + 1)
  t.equal(pace.onBatch(10, 19 * 10), 10 * REST_SHARE_MAX)
})

t.test('a rest has a bound: a delivery never stops', async (t) => {
  const pace = new DeliveryPace()
  t.equal(restAfterMany(pace, 100 * REST_MS_MAX), REST_MS_MAX)
})

t.test('batches grow while they are fast, up to a bound', async (t) => {
  const pace = new DeliveryPace()
  t.equal(pace.batchMax, BATCH_MIN)
  pace.onBatch(BATCH_MS_GOOD / 2, 0)
  t.ok(pace.batchMax > BATCH_MIN)
  restAfterMany(pace, BATCH_MS_GOOD / 2)
  t.equal(pace.batchMax, DELIVERY_KEYS_MAX)
})

t.test('batches stay as they are while they are neither fast nor slow', async (t) => {
  const pace = new DeliveryPace()
  restAfterMany(pace, BATCH_MS_GOOD / 2)
  pace.onBatch((BATCH_MS_GOOD + BATCH_MS_SLOW) / 2, 0)
  t.equal(pace.batchMax, DELIVERY_KEYS_MAX)
})

t.test('batches shrink while they are slow, down to a bound', async (t) => {
  const pace = new DeliveryPace()
  restAfterMany(pace, BATCH_MS_GOOD / 2)
  pace.onBatch(2 * BATCH_MS_SLOW, 0)
  t.equal(pace.batchMax, DELIVERY_KEYS_MAX / 2)
  restAfterMany(pace, 2 * BATCH_MS_SLOW)
  t.equal(pace.batchMax, BATCH_MIN)
})
