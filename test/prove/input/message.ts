/** Wrong messages and wrong contexts in good frames, sent by hand to real nodes. */
import { firstKeyAlone, WITHOUT_DATA } from '../../../src/wire/handshake-steps.ts'
import type { RingDigest } from '../../../src/dynamo/ring/ring.ts'
import { u64 } from '../../../src/base/u64.ts'
import { hexOf, joinBytes, utf8Bytes } from '../../../src/base/bytes.ts'
import { errorCodeOf } from '../../../src/base/errors.ts'
import { MemberState, memberRecord } from '../../../src/dynamo/membership/member-record.ts'
import type { Message } from '../../../src/dynamo/membership/message.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { FAILURE_KIND, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { NodeSession } from '../../support/node-session.ts'
import { frame, RawClient } from '../../support/raw-client.ts'
import { CLUSTER_KEY_HEX } from '../../support/served-cluster.ts'
import { placedBy } from './placed.ts'
import { codeOf, type Lab, OTHER_TOKEN, type Row, rowsOf, SINGLE } from './row.ts'
import { BUCKET_ID } from '../../../src/store/conformance/subject.ts'
import { OWN } from '../../../src/dynamo/names.ts'

const CALL = 7
const MIB = 1024 * 1024
const BUCKET = utf8Bytes('wrong')
const { get: GET, put: PUT, scan: SCAN } = REQUEST_KINDS

type Kind = typeof GET | typeof PUT | typeof SCAN

/** What a node says to one message, in one word; a failure must leave the connection in use. */
async function told(lab: Lab, kind: Kind, body: Uint8Array, node = 1): Promise<string> {
  const client = await RawClient.greeted(lab.cluster.clientAddress(node))
  try {
    if (body.length > 256 * 1024) await client.sendLong(kind, CALL, body)
    else client.send(frame(kind, CALL, body))
    const got = await client.until(({ callId, kind }) => callId === CALL && kind >= REPLY)
    if (got === undefined) return 'closed without a word'
    client.send(frame(GET, CALL + 1, pb.Get.encode({ bucket: BUCKET, key: BUCKET }).finish()))
    const after = await client.word(CALL + 1)
    if (after !== 'answered') return `the connection is lost: ${after}`
    return got.kind === FAILURE_KIND ? errorCodeOf(pb.Failure.decode(got.body).code) : 'answered'
  } finally {
    client.close()
  }
}

let drawn = 0
/** Each put in a key of its own, unless it says otherwise. */
function putBody(change: pb.Put.$Properties): Uint8Array {
  drawn += 1
  const requestId = new Uint8Array(16)
  new DataView(requestId.buffer).setUint32(0, drawn)
  const key = utf8Bytes(`key ${drawn}`)
  const put = { bucket: BUCKET, key, value: utf8Bytes('v'), requestId, ...change }
  return pb.Put.encode(put).finish()
}

export function messageRows(lab: Lab): readonly Row[] {
  const get = (change: pb.Get.$Properties) => (): Promise<string> =>
    told(lab, GET, pb.Get.encode({ bucket: BUCKET, key: BUCKET, ...change }).finish())
  const put = (change: pb.Put.$Properties) => () => told(lab, PUT, putBody(change))
  const scan = (change: pb.Scan.$Properties) => (): Promise<string> =>
    told(lab, SCAN, pb.Scan.encode({ bucket: BUCKET, ...change }).finish())
  const long = (length: number): Uint8Array => new Uint8Array(length).fill(97)
  const contexts = Array.from({ length: 17 }, () => long(47))
  return rowsOf('message', [
    ['a good get', 'answered', get({})],
    ['a good put', 'answered', put({})],
    ['a good scan', 'answered', scan({})],
    ['a bucket without a name', 'bucket-wrong', get({ bucket: long(0) })],
    ['a bucket of 255 bytes', 'answered', get({ bucket: long(255) })],
    ['a bucket of 256 bytes', 'bucket-wrong', get({ bucket: long(256) })],
    ['a put to a bucket of 256 bytes', 'bucket-wrong', put({ bucket: long(256) })],
    ['a scan of a bucket of 256 bytes', 'bucket-wrong', scan({ bucket: long(256) })],
    ['an empty key', 'key-wrong', get({ key: long(0) })],
    ['a key of 4,096 bytes', 'answered', get({ key: long(4096) })],
    ['a key of 4,097 bytes', 'key-wrong', get({ key: long(4097) })],
    ['a put under a key of 4,097 bytes', 'key-wrong', put({ key: long(4097) })],
    ['a value of 8 MiB and a byte', 'value-too-long', put({ value: long(8 * MIB + 1) })],
    ['no request id', 'request-id-wrong', put({ requestId: long(0) })],
    ['a request id of 15 bytes', 'request-id-wrong', put({ requestId: long(15) })],
    ['a request id of 17 bytes', 'request-id-wrong', put({ requestId: long(17) })],
    ['a request id used for another value', 'request-id-wrong', () => reusedRequestId(lab)],
    ['r = 17', 'quorum-wrong', get({ r: 17 })],
    ['r = 4 of 3 copies', 'quorum-wrong', get({ r: 4 })],
    ['w = 17', 'quorum-wrong', put({ w: 17 })],
    ['w = 4 of 3 copies', 'quorum-wrong', put({ w: 4 })],
    ['r = 4 of a put that reads', 'quorum-wrong', put({ replace: 1, r: 4 })],
    ['r = 4 of a scan', 'quorum-wrong', scan({ r: 4 })],
    ['r = 2^32 - 1', 'quorum-wrong', scan({ r: 2 ** 32 - 1 })],
    ['a get with 60,001 ms left', 'deadline-wrong', get({ deadlineMs: 60_001 })],
    ['a put with 60,001 ms left', 'deadline-wrong', put({ deadlineMs: 60_001 })],
    ['a scan with 2^32 - 1 ms left', 'deadline-wrong', scan({ deadlineMs: 2 ** 32 - 1 })],
    ['17 contexts', 'contexts-too-many', put({ contexts })],
    ['a cursor of 65 bytes', 'cursor-wrong', scan({ cursor: long(65) })],
    ['a cursor of 5 bytes', 'cursor-wrong', scan({ cursor: long(5) })],
    ['a delete with a value', 'message-garbled', put({ tombstone: true })],
    ['replace = 7', 'message-garbled', put({ replace: 7 as pb.Replace })],
    ['bytes that are no message', 'message-garbled', () => told(lab, GET, long(64))],
    ['half a message', 'message-garbled', () => told(lab, PUT, putBody({}).subarray(0, 20))],
    ['a bucket that is a number', 'message-garbled', () => told(lab, GET, Uint8Array.of(8, 1))],
    ['1,025 unknown fields', 'message-garbled', () => told(lab, GET, unknownFields(1025))],
    ['one unknown field is skipped', 'answered', () => told(lab, GET, unknownFields(1))],
    ['a 65th sibling', 'siblings-full', () => siblingsFull(lab)],
    ['siblings of 16 MiB together', 'object-too-large', () => tooLarge(lab)],
  ])
}

function unknownFields(count: number): Uint8Array {
  const good = pb.Get.encode({ bucket: BUCKET, key: BUCKET }).finish()
  return joinBytes([good, ...Array.from({ length: count }, () => Uint8Array.of(0xb8, 0x3e, 1))])
}

async function reusedRequestId(lab: Lab): Promise<string> {
  const requestId = utf8Bytes('sixteen bytes ..')
  const key = utf8Bytes('request id')
  await told(lab, PUT, putBody({ key, requestId }))
  return told(lab, PUT, putBody({ key, requestId, value: utf8Bytes('another') }))
}

async function siblingsFull(lab: Lab): Promise<string> {
  const session = await NodeSession.connect(lab.cluster.clientAddress(1))
  const key = utf8Bytes('many siblings')
  for (let i = 0; i < 64; i++) await session.put(BUCKET, key, utf8Bytes(`sibling ${i}`))
  const code = await codeOf(() => session.put(BUCKET, key, utf8Bytes('one more')))
  session.close()
  return code
}

/** Also that values of 8 MiB, the longest, are taken: after two of them the object is full. */
async function tooLarge(lab: Lab): Promise<string> {
  const session = await NodeSession.connect(lab.cluster.clientAddress(2))
  const key = utf8Bytes('large siblings')
  const put = (bytes: number): Promise<string> =>
    codeOf(() => session.put(BUCKET, key, new Uint8Array(bytes), { deadlineMs: 30_000 }))
  const longest = [await put(8 * MIB), await put(8 * MIB)]
  const another = await put(1)
  session.close()
  return longest.every((word) => word === 'taken') ? another : `8 MiB twice: ${longest.join()}`
}

export function peerMessageRows(lab: Lab): readonly Row[] {
  const name = { bucket: BUCKET, key: utf8Bytes('from a peer') }
  const asPeer = async (work: (session: NodeSession) => Promise<unknown>): Promise<string> => {
    const session = await NodeSession.connect(lab.cluster.peerAddress(1), {
      role: 'peer',
      standing: WITHOUT_DATA,
      cluster: 'served',
      node: memberIdOf('served', 'node-3'),
      keys: firstKeyAlone(new Uint8Array(Buffer.from(CLUSTER_KEY_HEX, 'hex'))),
    })
    const code = await codeOf(() => work(session))
    session.close()
    return code
  }
  const topology = (session: NodeSession) => session.ask('topology', {})
  const otherRing = u64<RingDigest>(1, 2)
  /** Two in three keys of such a bucket are others'. */
  const putAll = async (session: NodeSession): Promise<void> => {
    const bucket = utf8Bytes(SINGLE.name)
    const known = await topology(session)
    const put = {
      bucketId: { ...BUCKET_ID, n: 1 },
      contexts: [],
      value: name.key,
      requestId: utf8Bytes('sixteen bytes ..'),
      isRepeat: false,
      strict: false,
      w: 1,
    }
    for (let i = 0; i < 20; i++) {
      const one = { bucket, key: utf8Bytes(`key ${i}`) }
      const { ring } = placedBy(known, one, 1)
      await session.ask('peerPut', { ...put, ring, name: one, deadlineMs: 1_000 })
    }
  }
  const read = { name, bucketId: BUCKET_ID, digestOnly: false, hints: false }
  return rowsOf('peer', [
    ['a put to one who does not own the key', 'not-an-owner', () => asPeer(putAll)],
    [
      'a put of a client from a peer',
      'kind-unknown',
      () => asPeer((one) => one.put(BUCKET, name.key, name.key)),
    ],
    ['a get from a peer', 'kind-unknown', () => asPeer((one) => one.get(BUCKET, name.key))],
    [
      'a read under another ring',
      'ring-differs',
      () => asPeer((one) => one.ask('peerRead', { ...read, ring: otherRing, deadlineMs: 100 })),
    ],
    [
      'a record of the receiver that it never stated',
      'peer-lies',
      () => asPeer((one) => one.ask('peerGossip', { message: recordOfReceiver() })),
    ],
    [
      'an object that is none',
      'message-garbled',
      () =>
        asPeer(async (one) => {
          const { ring } = placedBy(await topology(one), name)
          const write = {
            name,
            bucketId: BUCKET_ID,
            place: OWN,
            ring,
            deadlineMs: 100,
          }
          return one.ask('peerWrite', { ...write, object: utf8Bytes('no') })
        }),
    ],
  ])
}

/** A ping of node-3 that says where node-2 is. */
function recordOfReceiver(): Message {
  const [name, host] = ['node-2', '10.9.9.9']
  const [id, by] = [memberIdOf('served', name), memberIdOf('served', 'node-3')]
  const facts = { name, host, clientPort: 1, peerPort: 2, machine: host, zone: '', weight: 1 }
  const state = MemberState.joined
  const record = memberRecord({ id, ...facts, state, version: 7, by, sponsor: by })
  return { kind: 'ping', probe: 1, news: [{ kind: 'record', record }] }
}

/** A context of `key`, as a node of `cluster` gives it. */
interface Given {
  readonly session: NodeSession
  readonly context: Uint8Array
}

const KEY = utf8Bytes('context')
const VALUES = ['one', 'two']

/** A value under this key, at a node of this cluster. */
export async function putAt(
  lab: Lab,
  which: 'cluster' | 'other',
  bucket: Uint8Array,
  key: Uint8Array,
): Promise<Given & { readonly receipt: Uint8Array }> {
  const token = which === 'other' ? utf8Bytes(OTHER_TOKEN) : undefined
  const options = { role: 'client', cluster: '', token } as const
  const session = await NodeSession.connect(lab[which].clientAddress(0), options)
  const { context, receipt } = await session.put(bucket, key, utf8Bytes('another'))
  return { session, context: context.slice(), receipt: receipt.slice() }
}

export function contextRows(lab: Lab): readonly Row[] {
  let here: Promise<Given> | undefined
  /** Puts with what `change` makes of a good context; the siblings that are there must stay. */
  const put = (change: (good: Uint8Array) => Uint8Array[] | Promise<Uint8Array[]>) => async () => {
    here ??= begin(lab)
    const { session, context } = await here
    const contexts = await change(context.slice())
    const code = await codeOf(() => session.put(BUCKET, KEY, utf8Bytes('lie'), { contexts }))
    const { siblings } = await session.get(BUCKET, KEY)
    const found = siblings.map((value) => Buffer.from(value).toString()).sort()
    return hexOf(utf8Bytes(found.join())) === hexOf(utf8Bytes(VALUES.join()))
      ? code
      : `${code}, and the siblings are ${found.join()}`
  }
  const changed = (at: number, byte: number) => (good: Uint8Array) => {
    const from = at < 0 ? good.length + at : at
    good[from] = (good[from] as number) ^ byte
    return [good]
  }
  const from = (which: 'cluster' | 'other', bucket: Uint8Array, key: Uint8Array) => async () => {
    const { session, context } = await putAt(lab, which, bucket, key)
    session.close()
    return [context]
  }
  return rowsOf('context', [
    ['bytes that are none', 'context-garbled', put(() => [utf8Bytes('not a context')])],
    ['half of one', 'context-garbled', put((good) => [good.subarray(0, 40)])],
    ['one and a byte', 'context-garbled', put((good) => [joinBytes([good, KEY.subarray(0, 1)])])],
    ['another format', 'context-garbled', put(changed(0, 3))],
    ['other ranges', 'context-forged', put(changed(-17, 0x40))],
    ['another cluster named', 'context-other-cluster', put(changed(6, 1))],
    ['another key named', 'context-forged', put(changed(14, 1))],
    ['another signature', 'context-forged', put(changed(-1, 1))],
    ['a key id that no node has', 'context-key-unknown', put(changed(1, 1))],
    ['of another key', 'context-foreign', put(from('cluster', BUCKET, utf8Bytes('elsewhere')))],
    ['of another bucket', 'context-foreign', put(from('cluster', utf8Bytes('other'), KEY))],
    ['of another cluster', 'context-other-cluster', put(from('other', BUCKET, KEY))],
    [
      'a good one and a forged one',
      'context-forged',
      put((good) => [good.slice(), ...changed(-1, 1)(good)]),
    ],
  ])
}

/** Two siblings under one key, and a context that covers both. */
async function begin(lab: Lab): Promise<Given> {
  const session = await NodeSession.connect(lab.cluster.clientAddress(0))
  for (const value of VALUES) await session.put(BUCKET, KEY, utf8Bytes(value))
  const { context } = await session.get(BUCKET, KEY)
  return { session, context: context.slice() }
}
