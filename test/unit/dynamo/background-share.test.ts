/** The share of background work: it falls while requests are slow, has a floor, and comes back. */
import t from 'tap'
import { BackgroundShare, SHARE_MIN } from '../../../src/dynamo/background-share.ts'

const TARGET_MS = 20
const MANY = 100

function shareAfter(p99s: readonly number[]): number {
  const share = new BackgroundShare(TARGET_MS)
  for (const p99Ms of p99s) share.onRequests(p99Ms)
  return share.share
}

t.test('all of the rate is for background work until requests are slow', async (t) => {
  t.equal(shareAfter([]), 1)
  t.equal(shareAfter([TARGET_MS, 1, TARGET_MS]), 1, 'at the target they are not')
})

t.test('each look at slow requests halves the share, down to a twentieth', async (t) => {
  t.equal(shareAfter([TARGET_MS + 1]), 1 / 2)
  t.equal(shareAfter([TARGET_MS + 1, 1e6]), 1 / 4, 'however slow')
  t.equal(shareAfter(Array.from({ length: MANY }, () => 1e6)), SHARE_MIN)
  t.equal(SHARE_MIN, 0.05)
})

t.test('the share grows again by a quarter a look, up to 1', async (t) => {
  t.equal(shareAfter([TARGET_MS + 1, TARGET_MS]), (1 / 2) * 1.25)
  const slow = Array.from({ length: MANY }, () => 1e6)
  t.ok(shareAfter([...slow, ...Array.from({ length: 13 }, () => 1)]) < 1)
  t.equal(shareAfter([...slow, ...Array.from({ length: 14 }, () => 1)]), 1)
})

t.test('without requests the share is 1 at once', async (t) => {
  const share = new BackgroundShare(TARGET_MS)
  for (let i = 0; i < MANY; i++) share.onRequests(1e6)
  share.onIdle()
  t.equal(share.share, 1)
})

t.test('a rest makes work the share of work and rest', async (t) => {
  const share = new BackgroundShare(TARGET_MS)
  t.equal(share.restMs(10), 0, 'at 1 there is none')
  share.onRequests(1e6)
  t.equal(share.restMs(10), 10)
  for (let i = 0; i < MANY; i++) share.onRequests(1e6)
  t.ok(Math.abs(10 / (10 + share.restMs(10)) - SHARE_MIN) < 1e-9)
})
