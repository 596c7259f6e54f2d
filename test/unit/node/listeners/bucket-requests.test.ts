/** Who may create buckets, and how many. */
import t from 'tap'
import type { OperatingError } from '../../../../src/base/errors.ts'
import { BucketSet } from '../../../../src/dynamo/buckets/bucket-set.ts'
import { BUCKETS_MAX } from '../../../../src/limits.ts'
import { NamedBuckets } from '../../../../src/node/cluster/named-buckets.ts'
import { BucketRequests } from '../../../../src/node/listeners/bucket-requests.ts'
import { OperatorCalls } from '../../../../src/node/listeners/operator-calls.ts'
import { REQUESTS } from '../../../support/wire-requests.ts'
import { bucket } from '../../dynamo/buckets/samples.ts'

const DEFAULTS = { n: 3, r: 2, w: 2 }

function asked(
  kind: 'create' | 'rename',
  set: BucketSet,
  host: string,
): Promise<OperatingError | undefined> {
  const named = new NamedBuckets({ defaults: DEFAULTS, buckets: [], deadlineMs: 1_000 })
  named.follow(set.all)
  const node = {
    config: { clientListen: { host, port: 7400 }, clientToken: undefined },
    buckets: { set, add: () => Promise.resolve(true) },
    topology: { named, buckets: named.all },
    clock: { now: () => 0 },
  }
  const requests = new BucketRequests(node as never, new OperatorCalls())
  const request = kind === 'create' ? REQUESTS.bucketCreate : REQUESTS.bucketRename
  return new Promise((resolve) => {
    const answer = () => resolve(undefined)
    requests[kind]({ request, deadline: 1_000, fail: resolve, answer } as never)
  })
}

t.test('none is created or renamed where strangers may ask', async (t) => {
  const set = new BucketSet()
  for (const kind of ['create', 'rename'] as const) {
    const refused = await asked(kind, set, '0.0.0.0')
    t.match(refused, { code: 'bind-insecure', message: /0\.0\.0\.0 without a token, so this node/ })
  }
})

t.test('a cluster has so many buckets that were created, and no more', async (t) => {
  const all = Array.from({ length: BUCKETS_MAX }, (_, i) => bucket(i + 1, { name: `b${i}` }))
  const full = await asked('create', new BucketSet(all), '127.0.0.1')
  t.match(full, {
    code: 'buckets-full',
    details: { limit: { name: 'BUCKETS_MAX', value: BUCKETS_MAX } },
  })
})
