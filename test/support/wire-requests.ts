/** One example of every request: see `wire-examples.ts`. */
import { utf8Bytes } from '../../src/base/bytes.ts'
import { u64 } from '../../src/base/u64.ts'
import { nodeId, startId } from '../../src/dynamo/names.ts'
import { BUCKET_ID } from '../../src/store/conformance/subject.ts'
import { RoundStep } from '../../src/wire/message/peer.ts'
import type { Request, RequestKind } from '../../src/wire/message/table.ts'
import { NODE_A, NODE_B } from './wire-frames.ts'
import {
  bytes,
  context,
  CREATED,
  id,
  LIVE,
  NAME,
  none,
  receipt,
  RECORD,
  ring,
  ROUND,
} from './wire-values.ts'

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
  repair: {
    bucket: NAME.bucket,
    from: nodeId(NODE_B),
    run: bytes(16, 0x10),
    deadlineMs: 300,
    opensRound: false,
  },
  ranges: { untilEqual: true, withinMs: 600, deadlineMs: 300 },
  invite: { deadlineMs: 300 },
  peerJoin: {
    facts: {
      name: 'three',
      host: '10.0.0.3',
      clientPort: 7400,
      peerPort: 7500,
      machine: 'm3',
      zone: 'north',
      weight: 1.5,
    },
    partitions: 256,
    n: 3,
    format: 1,
    deadlineMs: 5000,
  },
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
  peerGossip: {
    message: {
      kind: 'ping',
      probe: 7,
      news: [
        { kind: 'record', record: RECORD },
        { kind: 'suspect', id: nodeId(NODE_B), incarnation: 2, by: nodeId(NODE_A) },
      ],
    },
  },
  peerHints: {
    ring,
    hints: [{ name: NAME, bucketId: CREATED, object: id('0b1ec7') }],
    deadlineMs: 400,
  },
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
