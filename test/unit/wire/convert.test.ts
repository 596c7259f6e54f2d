/** Messages to bytes and back, and the bounds that both sides check. */
import t from 'tap'
import * as fc from 'fast-check'
import { isOperatingError, type ErrorCode } from '../../../src/base/errors.ts'
import { u64 } from '../../../src/base/u64.ts'
import {
  BUCKET_BYTES_MAX,
  CURSOR_BYTES_MAX,
  DEADLINE_MS_MAX,
  KEY_BYTES_MAX,
  BUCKET_RECORDS_MAX,
  BUCKETS_MAX,
  MEMBERS_MAX,
  MESSAGE_BYTES_MAX,
  CONTEXTS_MAX,
  REPLICAS_MAX,
  SCAN_PAGE_KEYS_MAX,
  TREE_KEYS_MAX,
  TREE_LEAVES_MAX,
  TREE_BRANCHES_MAX,
  VALUE_BYTES_MAX,
} from '../../../src/limits.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import type { Put, Topology } from '../../../src/wire/message/client.ts'
import type { Request, RequestKind } from '../../../src/wire/message/table.ts'
import { EXAMPLES } from '../../support/wire-examples.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { NAME } from '../../support/wire-values.ts'
import { bytesOf } from '../../support/wire-frames.ts'
import { thrownCode } from '../../support/thrown-code.ts'
import { OWN, type BucketId } from '../../../src/dynamo/names.ts'

const { put, get, scan, peerRead, peerWrite, peerPut, peerRange } = REQUESTS

t.test('every message is decoded as it was encoded', async (t) => {
  for (const { title, encode, decode, message } of EXAMPLES) {
    const body = bytesOf(encode())
    t.same(decode(body), message, title)
    const framed = Buffer.concat([new Uint8Array(3), body, new Uint8Array(3)])
    t.same(decode(new Uint8Array(framed).subarray(3, 3 + body.length)), message)
  }
})

t.test('any put is decoded as it was encoded', async (t) => {
  const bytes = (min: number, max: number): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength: min, maxLength: max })
  const puts: fc.Arbitrary<Put> = fc.record({
    name: fc.record({ bucket: bytes(1, 255), key: bytes(1, 300) }),
    contexts: fc.array(bytes(0, 40), { maxLength: CONTEXTS_MAX }),
    value: fc.option(bytes(0, 2000), { nil: undefined }),
    requestId: bytes(16, 16),
    isRepeat: fc.boolean(),
    strict: fc.boolean(),
    w: fc.nat(REPLICAS_MAX),
    r: fc.nat(REPLICAS_MAX),
    deadlineMs: fc.nat(60_000),
    replace: fc.constantFrom('given', 'seen'),
  })
  fc.assert(
    fc.property(puts, (put) => {
      const body = bytesOf(encodeRequest('put', put))
      t.same(decodeRequest('put', body, 0, body.length), put)
    }),
    { numRuns: 300 },
  )
})

/** Requests that break one bound each; both sides must refuse them with the same code. */
const WRONG: readonly (readonly [ErrorCode, RequestKind, unknown])[] = [
  ['bucket-wrong', 'get', { ...get, name: { ...NAME, bucket: new Uint8Array(0) } }],
  [
    'bucket-wrong',
    'put',
    { ...put, name: { ...NAME, bucket: new Uint8Array(BUCKET_BYTES_MAX + 1) } },
  ],
  ['bucket-wrong', 'scan', { ...scan, bucket: new Uint8Array(0) }],
  ['bucket-wrong', 'peerRange', { ...peerRange, bucket: new Uint8Array(256) }],
  ['key-wrong', 'get', { ...get, name: { ...NAME, key: new Uint8Array(0) } }],
  ['key-wrong', 'put', { ...put, name: { ...NAME, key: new Uint8Array(KEY_BYTES_MAX + 1) } }],
  ['key-wrong', 'peerRead', { ...peerRead, name: { ...NAME, key: new Uint8Array(0) } }],
  ['key-wrong', 'peerWrite', { ...peerWrite, name: { ...NAME, key: new Uint8Array(0) } }],
  ['key-wrong', 'peerPut', { ...peerPut, name: { ...NAME, key: new Uint8Array(0) } }],
  ['value-too-long', 'peerPut', { ...peerPut, value: new Uint8Array(VALUE_BYTES_MAX + 1) }],
  ['request-id-wrong', 'peerPut', { ...peerPut, requestId: new Uint8Array(17) }],
  ['contexts-too-many', 'peerPut', { ...peerPut, contexts: Array(17).fill(new Uint8Array(1)) }],
  ['quorum-wrong', 'peerPut', { ...peerPut, w: REPLICAS_MAX + 1 }],
  ['deadline-wrong', 'peerPut', { ...peerPut, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['value-too-long', 'put', { ...put, value: new Uint8Array(VALUE_BYTES_MAX + 1) }],
  ['request-id-wrong', 'put', { ...put, requestId: new Uint8Array(0) }],
  ['request-id-wrong', 'put', { ...put, requestId: new Uint8Array(17) }],
  ['contexts-too-many', 'put', { ...put, contexts: Array(17).fill(new Uint8Array(1)) }],
  ['contexts-too-many', 'put', { ...put, contexts: Array(100).fill(new Uint8Array(0)) }],
  ['quorum-wrong', 'put', { ...put, w: REPLICAS_MAX + 1 }],
  ['quorum-wrong', 'put', { ...put, r: REPLICAS_MAX + 1 }],
  ['quorum-wrong', 'get', { ...get, r: 0xffff_ffff }],
  ['quorum-wrong', 'scan', { ...scan, r: REPLICAS_MAX + 1 }],
  ['deadline-wrong', 'get', { ...get, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['deadline-wrong', 'put', { ...put, deadlineMs: 0xffff_ffff }],
  ['deadline-wrong', 'scan', { ...scan, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['deadline-wrong', 'peerRead', { ...peerRead, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['deadline-wrong', 'peerWrite', { ...peerWrite, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['deadline-wrong', 'peerRange', { ...peerRange, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['deadline-wrong', 'ranges', { ...REQUESTS.ranges, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['deadline-wrong', 'repair', { ...REQUESTS.repair, deadlineMs: DEADLINE_MS_MAX + 1 }],
  ['request-id-wrong', 'repair', { ...REQUESTS.repair, run: new Uint8Array(15) }],
  ['bucket-wrong', 'repair', { ...REQUESTS.repair, bucket: new Uint8Array(256) }],
  ['cursor-wrong', 'scan', { ...scan, cursor: new Uint8Array(CURSOR_BYTES_MAX + 1) }],
]

const spelt = (id: string): Uint8Array => (id === OWN ? new Uint8Array(0) : Buffer.from(id, 'hex'))

const idOf = ({ creation, policy, n }: BucketId) => ({
  bucketId: { creation: spelt(creation), policy, n },
})

const SPELL: Readonly<Record<string, (message: never) => Uint8Array>> = {
  get: ({ name, receipts, ...rest }: Request<'get'>) =>
    pb.Get.encode({ ...name, ...rest, receipts: [...receipts] }).finish(),
  put: ({ name, contexts, value, requestId, w, r, deadlineMs }: Put) =>
    pb.Put.encode({
      ...name,
      contexts: [...contexts],
      value: value ?? null,
      requestId,
      w,
      r,
      deadlineMs,
    }).finish(),
  ranges: (message: Request<'ranges'>) => pb.Ranges.encode(message).finish(),
  repair: ({ from, ...rest }: Request<'repair'>) =>
    pb.Repair.encode({ ...rest, from: spelt(from ?? OWN) }).finish(),
  scan: (message: Request<'scan'>) => pb.Scan.encode(message).finish(),
  peerRead: ({ name, bucketId, ...rest }: Request<'peerRead'>) =>
    pb.PeerRead.encode({ ...name, ...idOf(bucketId), ...rest }).finish(),
  peerWrite: ({ name, bucketId, place, ...rest }: Request<'peerWrite'>) =>
    pb.PeerWrite.encode({ ...name, ...idOf(bucketId), place: spelt(place), ...rest }).finish(),
  peerPut: ({ name, bucketId, contexts, value, ...rest }: Request<'peerPut'>) => {
    const lists = { contexts: [...contexts], value: value ?? null }
    return pb.PeerPut.encode({ ...name, ...idOf(bucketId), ...lists, ...rest }).finish()
  },
  peerRange: ({ creation, ...rest }: Request<'peerRange'>) =>
    pb.PeerRange.encode({ ...rest, creation: spelt(creation) }).finish(),
}

t.test('a broken bound has the same code when it is sent and when it is received', async (t) => {
  for (const [code, kind, request] of WRONG) {
    t.equal(
      thrownCode(() => encodeRequest(kind, request as never)),
      code,
      `${kind} sent`,
    )
    const bytes = SPELL[kind]?.(request as never) as Uint8Array
    t.equal(
      thrownCode(() => decodeRequest(kind, bytes, 0, bytes.length)),
      code,
      `${kind} received`,
    )
  }
  t.equal(
    thrownCode(() => encodeRequest('get', { ...get, r: 1.5 })),
    'quorum-wrong',
  )
  t.equal(
    thrownCode(() => encodeRequest('get', { ...get, deadlineMs: -1 })),
    'deadline-wrong',
  )
})

t.test('a request at its bounds is accepted', async (t) => {
  const name = { bucket: new Uint8Array(255).fill(1), key: new Uint8Array(4096).fill(2) }
  const largest = {
    ...put,
    name,
    contexts: Array(CONTEXTS_MAX).fill(new Uint8Array(9)),
    value: new Uint8Array(VALUE_BYTES_MAX),
    w: REPLICAS_MAX,
    r: REPLICAS_MAX,
    deadlineMs: 60_000,
  }
  const body = encodeRequest('put', largest)
  // A message longer than the scratch buffer is not overwritten by the next one.
  encodeRequest('get', get)
  const { value, ...rest } = decodeRequest('put', bytesOf(body), 0, body.length)
  t.same({ ...rest, value: value?.length }, { ...largest, value: VALUE_BYTES_MAX })
  const page = pb.Scan.encode({ ...scan, keysMax: 5000 }).finish()
  t.equal(decodeRequest('scan', page, 0, page.length).keysMax, SCAN_PAGE_KEYS_MAX)
})

t.test('bytes that are no message are refused as garbled', async (t) => {
  const spell = (message: pb.Put.$Properties): Uint8Array => pb.Put.encode(message).finish()
  const base = { ...NAME, requestId: new Uint8Array(16) }
  const wrong: readonly Uint8Array[] = [
    Uint8Array.of(0xff),
    Uint8Array.of(10, 200, 1),
    spell(base).subarray(0, 20),
    spell({ ...base, tombstone: true, value: Uint8Array.of(1) }),
    spell({ ...base, replace: 7 as never }),
    new Uint8Array(4000).fill(0x0b),
    Uint8Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 26 : 0)),
  ]
  for (const bytes of wrong) {
    t.equal(
      thrownCode(() => decodeRequest('put', bytes, 0, bytes.length)),
      'message-garbled',
    )
  }
  t.equal(
    thrownCode(() =>
      encodeReply('get', { ...REPLIES.get, siblings: [new Uint8Array(MESSAGE_BYTES_MAX)] }),
    ),
    'message-too-long',
  )
})

t.test(
  'ranges that contradict themselves are refused, and long times are told short',
  async (t) => {
    const node = new Uint8Array(8)
    const row = { n: 3, ranges: new Uint8Array(24) }
    const foreign = new Uint8Array(24).fill(1)
    const wrong: readonly pb.RangesReply.$Properties[] = [
      { node: new Uint8Array(7), trees: [] },
      { node, trees: [{ ...row, n: 0 }] },
      { node, trees: [{ ...row, n: REPLICAS_MAX + 1 }] },
      { node, trees: Array.from({ length: REPLICAS_MAX + 1 }, () => row) },
      { node, trees: [{ ...row, ranges: new Uint8Array(23) }] },
      { node, trees: [{ ...row, ranges: foreign }] },
      { node, trees: [{ ...row, others: [{ node, compared: new Uint8Array(19) }] }] },
      { node, trees: [{ ...row, others: [{ node: new Uint8Array(1) }] }] },
      { node, trees: [{ ...row, ranges: new Uint8Array(24 * 65_537) }] },
    ]
    for (const [i, message] of wrong.entries()) {
      const bytes = pb.RangesReply.encode(message).finish()
      const code = thrownCode(() => decodeReply('ranges', bytes, 0, bytes.length))
      t.equal(code, 'message-garbled', `row ${i}`)
    }
    const equal = { sum: u64(1, 2), ms: 2 ** 40 }
    const ranges = [{ partition: 0, root: u64(0, 0), equal }]
    const trees = [{ n: 3, ranges, others: [] }]
    const body = bytesOf(encodeReply('ranges', { ...REPLIES.ranges, trees }))
    const read = decodeReply('ranges', body, 0, body.length)
    t.same(read.trees[0]?.ranges[0]?.equal, { ...equal, ms: 2 ** 32 - 2 })
  },
)

t.test('a repair of all, from all, needs only its id', async (t) => {
  const all = { ...REQUESTS.repair, bucket: new Uint8Array(0), from: undefined }
  const body = bytesOf(encodeRequest('repair', all))
  t.same(decodeRequest('repair', body, 0, body.length), all)
  const wrong = pb.Repair.encode({ run: new Uint8Array(16), from: new Uint8Array(7) }).finish()
  t.equal(
    thrownCode(() => decodeRequest('repair', wrong, 0, wrong.length)),
    'message-garbled',
  )
  const many = Array.from({ length: MEMBERS_MAX + 1 }, () => ({
    node: new Uint8Array(8),
    code: 67,
  }))
  const reply = pb.RepairReply.encode({ node: new Uint8Array(8), unfinished: many }).finish()
  t.equal(
    thrownCode(() => decodeReply('repair', reply, 0, reply.length)),
    'message-garbled',
  )
})

t.test('trees that contradict themselves are refused', async (t) => {
  const { peerTree, peerLeaves } = REQUESTS
  const tooMany = Array.from({ length: TREE_BRANCHES_MAX + 1 }, () => ({
    branch: 1,
    sum: u64(0, 0),
  }))
  const trees: readonly Partial<typeof peerTree>[] = [
    { n: 0 },
    { n: 8 },
    { bits: 21 },
    { sums: [{ branch: 256, sum: u64(0, 0) }] },
    { sums: tooMany },
  ]
  for (const wrong of trees) {
    t.equal(
      thrownCode(() => encodeRequest('peerTree', { ...peerTree, ...wrong })),
      'message-garbled',
    )
  }
  const leaves: readonly Partial<typeof peerLeaves>[] = [
    { n: 0 },
    { leaves: [2 ** 20] },
    { leaves: [2, 1] },
    { leaves: [1, 1] },
    { leaves: Array.from({ length: TREE_LEAVES_MAX + 1 }, (_, i) => i) },
  ]
  for (const wrong of leaves) {
    t.equal(
      thrownCode(() => encodeRequest('peerLeaves', { ...peerLeaves, ...wrong })),
      'message-garbled',
    )
  }
  const cut = pb.PeerTree.encode({ n: 3, leafBits: 20, branches: new Uint8Array(11) }).finish()
  t.equal(
    thrownCode(() => decodeRequest('peerTree', cut, 0, cut.length)),
    'message-garbled',
  )
  const entries = Array.from({ length: TREE_KEYS_MAX + 1 }, () => REPLIES.peerLeaves.entries[0])
  const full = { ...REPLIES.peerLeaves, entries } as typeof REPLIES.peerLeaves
  const body = bytesOf(encodeReply('peerLeaves', full))
  t.equal(
    thrownCode(() => decodeReply('peerLeaves', body, 0, body.length)),
    'message-garbled',
    'more keys than were asked for',
  )
})

t.test('unknown fields are skipped, so that nodes of two versions can talk', async (t) => {
  const body = bytesOf(encodeRequest('get', get))
  const newer = Buffer.concat([body, Uint8Array.of(0xf8, 0x07, 0x05, 0xfa, 0x07, 0x02, 0x01, 0x02)])
  t.same(decodeRequest('get', new Uint8Array(newer), 0, newer.length), get)
})

t.test('a put reply without attempts counts as one attempt', async (t) => {
  const bytes = pb.PutReply.encode({ context: Uint8Array.of(1) }).finish()
  t.equal(decodeReply('put', bytes, 0, bytes.length).attempts, 1)
})

t.test('a topology that contradicts itself is refused', async (t) => {
  const ring = REPLIES.topology
  const wrong: readonly Topology[] = [
    { ...ring, partitionBits: 17 },
    { ...ring, partitionBits: 2 },
    { ...ring, owners: Uint8Array.of(0, 0, 2, 0) },
    { ...ring, owners: Uint8Array.of(0, 0, 0) },
    { ...ring, members: Array(MEMBERS_MAX + 1).fill(ring.members[0]) },
    { ...ring, buckets: Array(1 + BUCKETS_MAX + BUCKET_RECORDS_MAX + 1).fill(ring.buckets[0]) },
  ]
  for (const topology of wrong) {
    const bytes = pb.Topology.encode(topology as object).finish()
    t.equal(
      thrownCode(() => decodeReply('topology', bytes, 0, bytes.length)),
      'message-garbled',
    )
  }
})

t.test('random bytes throw nothing but operating errors', async (t) => {
  let seed = 7
  const random = (bound: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * bound)
  }
  let thrown = 0
  for (const { title, encode, decode } of EXAMPLES) {
    const body = bytesOf(encode())
    for (let i = 0; i < 3000; i++) {
      const bytes = body.length < 4 || i % 3 === 0 ? new Uint8Array(random(60)) : body.slice()
      if (bytes.length !== body.length) for (const at of bytes.keys()) bytes[at] = random(256)
      for (let change = random(4); change >= 0 && bytes.length > 0; change--) {
        bytes[random(bytes.length)] = random(256)
      }
      try {
        decode(bytes.subarray(0, random(4) === 0 ? random(bytes.length + 1) : bytes.length))
      } catch (error) {
        thrown += 1
        if (!isOperatingError(error)) t.fail(`${title}: ${String(error)}`)
      }
    }
  }
  t.ok(thrown > 1000, 'most changes are detected')
})
