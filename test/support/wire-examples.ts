/**
 * One example of every message: what protocol/README.md shows byte by byte, and what tests send.
 *
 * The page and this file are held together by test/golden/wire.test.ts.
 */
import type { RingDigest } from '../../src/dynamo/ring/ring.ts'
import { u64 } from '../../src/base/u64.ts'
import { bytesOfHex, utf8Bytes } from '../../src/base/bytes.ts'
import {
  type Body,
  type Control,
  type ControlName,
  decodeControl,
  decodeReply,
  decodeRequest,
  encodeControl,
  encodeReply,
  encodeRequest,
} from '../../src/wire/convert.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY } from '../../src/wire/message/session.ts'
import {
  type Reply,
  type Request,
  REQUEST_KINDS,
  type RequestKind,
} from '../../src/wire/message/table.ts'
import { HANDSHAKE } from './handshake-examples.ts'
import { NODE_A, NODE_B } from './wire-frames.ts'
import { BUCKET_ID } from '../../src/store/conformance/subject.ts'
import { nodeId, OWN, startId, type CreationId } from '../../src/dynamo/names.ts'
import { ENDED } from '../../src/dynamo/repair/floor.ts'
import { RoundStep } from '../../src/wire/message/peer.ts'

export interface Example {
  /** As the page calls it: `Put`, `PutReply`. */
  readonly title: string
  readonly kind: number
  readonly callId: number
  readonly encode: () => Body
  /** What these bytes say, and what the example is. */
  readonly decode: (bytes: Uint8Array) => unknown
  readonly message: unknown
}

const none = new Uint8Array(0)
const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => first + i)
const id = (hex: string): Uint8Array => bytesOfHex(hex) as Uint8Array

export const NAME = { bucket: utf8Bytes('carts'), key: utf8Bytes('ann') }
const ring: RingDigest = u64(0x01020304, 0x05060708)
const context = id('c0ffee')
const receipt = id('5ea1ed')
const holders = [
  { node: nodeId('00000000000000aa'), forOwner: undefined },
  { node: nodeId('00000000000000dd'), forOwner: nodeId('00000000000000bb') },
]
const [LIVE, PAST] = [startId('11'.repeat(8)), startId('22'.repeat(8))]
const ROUND = {
  number: 12,
  base: 3,
  floor: new Map([
    [LIVE, 4_711],
    [PAST, ENDED],
  ]),
  leftOut: new Set([startId('33'.repeat(8))]),
}
const CREATED = { ...BUCKET_ID, creation: 'c0ffee0000000001' as CreationId }

export const REQUESTS: { readonly [K in RequestKind]: Request<K> } = {
  topology: {},
  status: {},
  scan: {
    bucket: NAME.bucket,
    cursor: none,
    keysMax: 100,
    withValues: true,
    r: 0,
    deadlineMs: 1000,
  },
  repair: { bucket: NAME.bucket, from: nodeId(NODE_B), run: bytes(16, 0x10), deadlineMs: 300 },
  ranges: { untilEqual: true, withinMs: 600, deadlineMs: 300 },
  peerRange: {
    ring,
    from: u64(0, 0),
    to: u64(0x7fffffff, 0xffffffff),
    bucket: NAME.bucket,
    creation: CREATED.creation,
    keysMax: 100,
    deadlineMs: 1000,
    withValues: true,
  },
  peerTree: {
    ring,
    n: 3,
    leafBits: 20,
    bits: 8,
    sums: [
      { branch: 3, sum: u64(0x0a0b0c0d, 0x0e0f1011) },
      { branch: 255, sum: u64(0, 1) },
    ],
    deadlineMs: 5000,
  },
  peerLeaves: {
    ring,
    n: 3,
    leafBits: 20,
    leaves: [0x12345, 0xfffff],
    from: u64(0x12345678, 0),
    deadlineMs: 5000,
  },
  explain: { name: NAME, deadlineMs: 2000, ownersOnly: true, receipt },
  peerCopies: { name: NAME, bucketId: CREATED, ring, deadlineMs: 2000 },
  peerObjects: {
    ring,
    keys: [{ name: NAME, bucketId: BUCKET_ID }],
    deadlineMs: 400,
  },
  peerRounds: { ring, known: 11, withClosing: true, deadlineMs: 400 },
  peerOpenRound: { ring, number: 12, last: 11, deadlineMs: 400 },
  peerStepRound: {
    ring,
    number: 12,
    step: RoundStep.close,
    floor: ROUND,
    forgotten: new Set([startId('f'.repeat(16))]),
    starts: new Map([[NODE_A, LIVE]]),
    deadlineMs: 400,
  },
  peerRanges: {
    ring,
    round: 12,
    keys: [
      {
        key: { name: NAME, bucketId: BUCKET_ID },
        digest: u64(0x0a0b0c0d, 0x0e0f1011),
        ranges: [{ node: NODE_A, start: LIVE, opened: 3, first: 5, last: 9 }],
      },
    ],
    agreed: new Map([[NODE_B, 5_000_000_000]]),
    deadlineMs: 400,
  },
  get: { name: NAME, r: 2, deadlineMs: 450, strict: false, monotonic: false, receipts: [receipt] },
  put: {
    name: NAME,
    contexts: [context],
    value: utf8Bytes('milk'),
    requestId: bytes(16, 0x10),
    isRepeat: false,
    strict: true,
    w: 2,
    r: 0,
    deadlineMs: 450,
    replace: 'given',
  },
  peerRead: {
    name: NAME,
    bucketId: BUCKET_ID,
    ring,
    digestOnly: true,
    deadlineMs: 400,
    hints: true,
  },
  peerWrite: {
    name: NAME,
    bucketId: CREATED,
    ring,
    object: id('0b1ec7'),
    deadlineMs: 400,
    place: NODE_A,
    isHome: true,
  },
  peerPut: {
    name: NAME,
    bucketId: BUCKET_ID,
    ring,
    contexts: [context],
    value: utf8Bytes('milk'),
    requestId: bytes(16, 0x10),
    isRepeat: true,
    strict: true,
    w: 2,
    deadlineMs: 400,
  },
}

export const REPLIES: { readonly [K in RequestKind]: Reply<K> } = {
  topology: {
    cluster: 'shop',
    ring,
    partitionBits: 1,
    members: [member(NODE_A, 'one', 7400), member(NODE_B, 'two', 7401)],
    owners: Uint8Array.of(0, 0, 1, 0),
    buckets: [{ name: '', n: 3, r: 2, w: 2 }],
  },
  status: {
    node: id(NODE_B),
    name: 'two',
    version: '0.1.0',
    cluster: 'shop',
    peers: [{ node: id(NODE_A), name: 'one', isConnected: true }],
    figures: [{ name: 'gets', value: 7 }],
    warnings: ['this cluster survives no lost disk'],
    alarms: ['the disk is full'],
    hints: [
      {
        node: id(NODE_A),
        name: 'one',
        keys: 12,
        bytes: 4_000,
        keptMs: 90_000,
        deliveredPerSecond: 2.5,
        takenBytesPerSecond: 0,
      },
    ],
  },
  scan: {
    entries: [{ key: NAME.key, siblings: [utf8Bytes('milk')], context, hasMore: false }],
    cursor: id('0102'),
  },
  repair: {
    node: NODE_A,
    isDone: false,
    members: 2,
    done: 1,
    leaves: 4,
    keys: 12,
    unfinished: [{ node: NODE_B, code: 'peer-away' }],
  },
  ranges: {
    node: NODE_A,
    isWhole: true,
    isEqual: false,
    trees: [
      {
        n: 2,
        ranges: [
          {
            partition: 3,
            root: u64(0x0a0b0c0d, 0x0e0f1011),
            equal: { sum: u64(0x0a0b0c0d, 0x0e0f1011), ms: 2_000 },
          },
          { partition: 255, root: u64(0, 1), equal: undefined },
        ],
        others: [
          {
            node: NODE_B,
            compared: [
              {
                partition: 3,
                equal: { sum: u64(0x0a0b0c0d, 0x0e0f1011), ms: 2_000 },
                differsMs: undefined,
              },
              { partition: 255, equal: undefined, differsMs: 5_000 },
            ],
          },
        ],
      },
    ],
  },
  peerRange: {
    entries: [
      {
        token: u64(9, 10),
        bucket: NAME.bucket,
        key: NAME.key,
        bucketId: BUCKET_ID,
        object: id('0b1ec7'),
        isOutline: true,
      },
    ],
    next: u64(0x40000000, 0),
  },
  get: {
    siblings: [utf8Bytes('milk'), none],
    context,
    tombstones: 0,
    hasMore: true,
    answered: 2,
    needed: 2,
    receipt,
  },
  put: { context, receipt, holders, attempts: 2, answered: 1, needed: 2 },
  peerRead: { isFound: true, object: none, digest: u64(0x0a0b0c0d, 0x0e0f1011) },
  peerWrite: {},
  peerPut: { context, receipt, holders },
  peerTree: { differing: [3, 255] },
  peerLeaves: {
    entries: [
      {
        token: u64(0x12345678, 9),
        name: NAME,
        bucketId: BUCKET_ID,
        digest: u64(0x0a0b0c0d, 0x0e0f1011),
      },
    ],
    next: u64(0xfffff000, 0),
  },
  peerObjects: { round: 12, objects: [id('0b1ec7'), undefined] },
  peerRounds: {
    start: LIVE,
    isWhole: true,
    adopted: ROUND,
    highest: 13,
    closed: 12,
    closing: ROUND.floor,
    durable: 5_000_000_000,
    knowsClosed: true,
  },
  peerOpenRound: {
    start: LIVE,
    counter: 5_000_000_000,
    named: new Set([PAST]),
    isNamingKnown: true,
    adopted: 11,
  },
  peerStepRound: { isDone: false, waitsFor: [NODE_B] },
  peerRanges: { round: 12, areAlike: [true, false], durable: 5_000_000_000 },
  peerCopies: { copies: [{ place: NODE_B, outline: id('0b') }] },
  explain: {
    token: u64(0x0a0b0c0d, 0x0e0f1011),
    partition: 5,
    nodes: [
      {
        node: NODE_A,
        isOwner: true,
        failure: undefined,
        copies: [{ place: OWN, outline: id('0a') }],
        coversReceipt: true,
      },
      {
        node: NODE_B,
        isOwner: false,
        failure: 'peer-away',
        copies: [],
        coversReceipt: false,
      },
    ],
  },
}

function member(node: string, name: string, clientPort: number): Reply<'topology'>['members'][0] {
  const host = '10.0.0.1'
  return {
    node: id(node),
    name,
    host,
    clientPort,
    peerPort: clientPort + 100,
    machine: 'm1',
    zone: '',
  }
}

export const CONTROLS: { readonly [N in ControlName]: Control<N> } = {
  ...HANDSHAKE,
  goodbye: {
    code: 'node-stopping',
    message: 'this node is stopping: use another',
    certainty: 'refused',
    lastTaken: 7,
  },
  length: { kind: REQUEST_KINDS.put, bytes: 8_388_725 },
  cancel: undefined,
  ping: undefined,
  pong: 1_764_288_000_123,
  credit: { bytes: 1_048_576, isAnswer: true },
  failure: {
    code: 'write-in-doubt',
    message: '1 of 2 machines answered in time',
    certainty: 'in-doubt',
    details: {
      needed: 2,
      answered: 1,
      nodes: [{ node: 'bb'.repeat(8), code: 'deadline-passed' }],
    },
  },
}

const capital = (name: string): string => name[0]?.toUpperCase() + name.slice(1)

/** Answers have the title of their message in the .proto files. */
const REPLY_TITLES: Readonly<Partial<Record<RequestKind, string>>> = {
  topology: 'Topology',
  status: 'Status',
}
const REQUEST_TITLES: Readonly<Partial<Record<RequestKind, string>>> = {
  topology: 'TopologyQuery',
  status: 'StatusQuery',
}

const OF_CALLS: ReadonlySet<ControlName> = new Set(['failure', 'credit', 'length', 'cancel'])

function controlExample(name: ControlName): Example {
  const kind = name === 'failure' ? FAILURE_KIND : CONTROL_KINDS[name]
  return {
    title: capital(name),
    kind,
    callId: OF_CALLS.has(name) ? 7 : 0,
    encode: () => encodeControl(name, CONTROLS[name]),
    decode: (bytes) => decodeControl(name, bytes, 0, bytes.length),
    message: CONTROLS[name],
  }
}

function requestExample<K extends RequestKind>(kind: K): Example {
  return {
    title: REQUEST_TITLES[kind] ?? capital(kind),
    kind: REQUEST_KINDS[kind],
    callId: 7,
    encode: () => encodeRequest(kind, REQUESTS[kind]),
    decode: (bytes) => decodeRequest(kind, bytes, 0, bytes.length),
    message: REQUESTS[kind],
  }
}

function replyExample<K extends RequestKind>(kind: K): Example {
  return {
    title: REPLY_TITLES[kind] ?? `${capital(kind)}Reply`,
    kind: REQUEST_KINDS[kind] + REPLY,
    callId: 7,
    encode: () => encodeReply(kind, REPLIES[kind]),
    decode: (bytes) => decodeReply(kind, bytes, 0, bytes.length),
    message: REPLIES[kind],
  }
}

const KINDS = Object.keys(REQUEST_KINDS) as RequestKind[]

/** In the order of the page: the conversation, then each request and its answer. */
export const EXAMPLES: readonly Example[] = [
  ...(Object.keys(CONTROLS) as ControlName[]).map(controlExample),
  ...KINDS.flatMap((kind) => [requestExample(kind), replyExample(kind)]),
]
