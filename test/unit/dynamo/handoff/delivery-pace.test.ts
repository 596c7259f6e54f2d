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
  SLOW_FACTOR,
} from '../../../../src/dynamo/handoff/delivery-pace.ts'
import { DELIVERY_KEYS_MAX } from '../../../../src/limits.ts'

const MANY = 100
const USUAL_MS = 10

/** The rest after the last of many batches that took so long. */
function restAfterMany(pace: DeliveryPace, tookMs: number, requestMs: number | undefined): number {
  let restMs = 0
  for (let i = 0; i < MANY; i++) restMs = pace.onBatch(tookMs, requestMs)
  return restMs
}

t.test('a rest is in proportion to the batch before it', async (t) => {
  const pace = new DeliveryPace(undefined)
  restAfterMany(pace, 12, undefined)
  t.equal(pace.onBatch(12, undefined), 12 * REST_SHARE_MIN)
  t.equal(pace.onBatch(34, undefined), 34 * REST_SHARE_MIN)
})

t.test('a delivery begins slowly', async (t) => {
  const pace = new DeliveryPace(undefined)
  const rests = Array.from({ length: 12 }, () => pace.onBatch(10, undefined))
  t.ok((rests[0] as number) > 0.9 * 10 * REST_SHARE_MAX)
  t.same(
    rests,
    rests.toSorted((a, b) => b - a),
  )
  t.ok((rests.at(-1) as number) > 10 * REST_SHARE_MIN)
})

t.test('a rest has a bound: a delivery never stops', async (t) => {
  const pace = new DeliveryPace(USUAL_MS)
  t.equal(restAfterMany(pace, 100 * REST_MS_MAX, 100 * USUAL_MS), REST_MS_MAX)
})

t.test('batches grow while they are fast, up to a bound', async (t) => {
  const pace = new DeliveryPace(undefined)
  t.equal(pace.batchMax, BATCH_MIN)
  pace.onBatch(BATCH_MS_GOOD / 2, undefined)
  t.ok(pace.batchMax > BATCH_MIN)
  restAfterMany(pace, BATCH_MS_GOOD / 2, undefined)
  t.equal(pace.batchMax, DELIVERY_KEYS_MAX)
})

t.test('batches stay as they are while they are neither fast nor slow', async (t) => {
  const pace = new DeliveryPace(undefined)
  restAfterMany(pace, BATCH_MS_GOOD / 2, undefined)
  pace.onBatch((BATCH_MS_GOOD + BATCH_MS_SLOW) / 2, undefined)
  t.equal(pace.batchMax, DELIVERY_KEYS_MAX)
})

t.test('batches shrink while they are slow, down to a bound', async (t) => {
  const pace = new DeliveryPace(undefined)
  restAfterMany(pace, BATCH_MS_GOOD / 2, undefined)
  pace.onBatch(2 * BATCH_MS_SLOW, undefined)
  t.equal(pace.batchMax, DELIVERY_KEYS_MAX / 2)
  restAfterMany(pace, 2 * BATCH_MS_SLOW, undefined)
  t.equal(pace.batchMax, BATCH_MIN)
})

t.test('rests grow while requests of clients are slow, and shrink when they are not', async (t) => {
  const pace = new DeliveryPace(USUAL_MS)
  const slowMs = 2 * SLOW_FACTOR * USUAL_MS
  t.equal(restAfterMany(pace, 12, USUAL_MS), 12 * REST_SHARE_MIN)
  t.ok(pace.onBatch(12, slowMs) > 12 * REST_SHARE_MIN)
  t.equal(restAfterMany(pace, 12, slowMs), 12 * REST_SHARE_MAX)
  t.equal(restAfterMany(pace, 12, USUAL_MS), 12 * REST_SHARE_MIN)
})

t.test('where no requests come, rests shrink', async (t) => {
  const pace = new DeliveryPace(USUAL_MS)
  restAfterMany(pace, 12, 2 * SLOW_FACTOR * USUAL_MS)
  t.equal(restAfterMany(pace, 12, undefined), 12 * REST_SHARE_MIN)
})

t.test('what requests took at least is what is usual, whatever they took before', async (t) => {
  const pace = new DeliveryPace(100 * USUAL_MS)
  pace.onBatch(12, USUAL_MS)
  t.equal(restAfterMany(pace, 12, 2 * SLOW_FACTOR * USUAL_MS), 12 * REST_SHARE_MAX)
})

t.test('a load that has changed for good is usual in the end', async (t) => {
  const pace = new DeliveryPace(USUAL_MS)
  const changedMs = 2 * SLOW_FACTOR * USUAL_MS
  for (let i = 0; i < 20; i++) restAfterMany(pace, 12, changedMs)
  t.equal(restAfterMany(pace, 12, changedMs), 12 * REST_SHARE_MIN)
})
