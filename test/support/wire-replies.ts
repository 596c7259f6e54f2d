/** One example of every answer: see `wire-examples.ts`. */
import { utf8Bytes } from '../../src/base/bytes.ts'
import { u64 } from '../../src/base/u64.ts'
import { recordsBytes } from '../../src/dynamo/buckets/bucket-bytes.ts'
import { nodeId, OWN, Policy } from '../../src/dynamo/names.ts'
import type { KeyStanding } from '../../src/dynamo/repair/key-standing.ts'
import { BUCKET_ID } from '../../src/store/conformance/subject.ts'
import { Held } from '../../src/wire/message/bucket.ts'
import type { Reply, RequestKind } from '../../src/wire/message/table.ts'
import { INVITATION_TEXT, JOIN_EXAMPLE } from './join-examples.ts'
import { NODE_A, NODE_B } from './wire-frames.ts'
import {
  context,
  holders,
  id,
  LIVE,
  MADE,
  NAME,
  none,
  PAST,
  receipt,
  ring,
  ROUND,
  TERMS,
} from './wire-values.ts'

const STANDING: KeyStanding = {
  round: 12,
  roundAgeMs: 61_000,
  roundMs: 60_000,
  obstacle: 'two cannot be reached',
  floor: ROUND.floor,
  isRemembered: true,
  root: u64(0x0a0b0c0d, 0x0e0f1011),
  compared: [{ node: NODE_B, equalMs: 2_000, differsMs: undefined }],
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
  invite: { invitation: INVITATION_TEXT, node: NODE_B, validMs: 600_000 },
  clusterPlan: {
    node: NODE_A,
    number: 5,
    parent: u64(0x0a0b0c0d, 0x0e0f1011),
    planned: u64(0x1a1b1c1d, 0x1e1f2021),
    partitionBits: 9,
    isPending: true,
    isSame: true,
    moves: [{ n: 3, moves: 192, replicas: 768, before: 3, during: 2, after: 4 }],
    bytes: 1_000_000,
    movesPerSecond: 12.5,
    givenUp: ['12 partitions lie in fewer zones than there are'],
    losses: ['buckets with N=3 would have one owner of a key'],
    members: [
      {
        ...{ node: NODE_A, name: 'one', state: 'leaving', weight: 1.5, zone: 'north' },
        ...{ owns: 256, willOwn: 3, isNeeded: true, isUnmet: true, isDead: true },
      },
    ],
  },
  clusterChange: { node: NODE_A, name: 'one', state: 'gone', weight: 1.5, zone: 'north' },
  clusterStatus: {
    node: NODE_A,
    name: 'one',
    partitionBits: 8,
    inEffect: { number: 4, digest: u64(0x0a0b0c0d, 0x0e0f1011), isOutdated: true },
    newest: { number: 5, digest: u64(0x1a1b1c1d, 0x1e1f2021), isOutdated: false },
    movesLeft: 30,
    movesDone: 162,
    movesPerSecond: 2.5,
    givesAway: 7,
    hintedKeys: 12,
    takenBytes: 5_000_000_000,
    isPaused: true,
    obstacle: 'two: peer-away',
    members: [
      {
        ...{ node: NODE_B, name: 'two', state: 'leaving', weight: 2, zone: 'south' },
        ...{ machine: 'm2', host: '10.0.0.2', clientPort: 7400, isConnected: true },
        ...{ owns: 226, fills: 30, leaves: 1, isMissing: true },
      },
    ],
  },
  clusterPause: { node: NODE_A, isPaused: true },
  peerBuckets: { news: recordsBytes([MADE]), held: Held.records },
  bucketCreate: { bucket: { ...TERMS, name: 'carts' }, shown: 'carts', untold: [NODE_B] },
  bucketRename: { bucket: { ...TERMS, name: 'baskets' }, shown: 'baskets', untold: [] },
  clusterKey: {
    node: NODE_A,
    keys: [
      { id: 1, number: 1 },
      { id: 0x0a0b0c0d, number: 2 },
    ],
    signer: 1,
    members: [{ node: NODE_B, name: 'two', isConnected: true, isWaitedFor: true, signer: 1 }],
  },
  peerKeys: {
    has: [1],
    signer: 1,
    digest: u64(0x0a0b0c0d, 0x0e0f1011),
    members: u64(0x1a1b1c1d, 0x1e1f2021),
    ring: undefined,
  },
  peerJoin: JOIN_EXAMPLE.reply,
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
    round: { adopted: 12, ageMs: 30_000, highest: 12, obstacle: '' },
    members: [
      { node: id(NODE_A), name: 'one', state: 'joined', life: 'suspect', lifeMs: 4_000 },
      { node: id(NODE_B), name: 'two', state: 'leaving', life: 'alive', lifeMs: 0 },
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
    round: { adopted: 11, ageMs: 95_000, highest: 12, obstacle: 'two cannot be reached' },
  },
  ranges: {
    node: NODE_A,
    isWhole: true,
    isEqual: false,
    round: 11,
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
  peerGossip: {
    messages: [
      { kind: 'ack', probe: 7, news: [{ kind: 'alive', id: nodeId(NODE_B), incarnation: 3 }] },
    ],
  },
  peerHints: { refusals: [undefined, 'record-rotten'] },
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
  peerRing: { news: id('0c') },
  peerMove: { attempt: u64(0x0a0b0c0d, 0x0e0f1011), isWhole: true },
  peerTransfer: {
    records: id('0e'),
    next: { segment: 2, offset: 1056 },
    end: { segment: 17, offset: 32 },
    rotten: 1,
  },
  peerCopies: {
    copies: [{ place: NODE_B, outline: id('0b'), digest: u64(0x0a0b0c0d, 0x0e0f1011) }],
    standing: { ...STANDING, root: undefined, compared: [] },
  },
  explain: {
    token: u64(0x0a0b0c0d, 0x0e0f1011),
    partition: 5,
    policy: Policy.lastWriteWins,
    nodes: [
      {
        node: NODE_A,
        isOwner: true,
        failure: undefined,
        copies: [{ place: OWN, outline: id('0a'), digest: u64(0x0a0b0c0d, 0x0e0f1011) }],
        coversReceipt: true,
        standing: STANDING,
      },
      {
        node: NODE_B,
        isOwner: false,
        failure: 'peer-away',
        copies: [],
        coversReceipt: false,
        standing: undefined,
      },
    ],
    n: 3,
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
