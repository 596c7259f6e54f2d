/** Wrong requests about buckets that are created, and wrong questions for a bulk transfer. */
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { Policy } from '../../../src/dynamo/names.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import type { Request, RequestKind } from '../../../src/wire/message/table.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { asMember, told } from './asking.ts'
import { codeOf, type Lab, type Row, rowsOf, SINGLE } from './row.ts'

const { bucketCreate: CREATE, bucketRename: RENAME, peerBuckets: PEER_BUCKETS } = REQUEST_KINDS
const LATE = { deadlineMs: 60_001 }
const NO_WIDE = { hi: 9, lo: 9 } as never
const NOTHING = new Uint8Array(0)
const HALF = Uint8Array.of(0x0a)
const TERMS = {
  creation: new Uint8Array(8).fill(1),
  createdAs: 'made',
  policy: Policy.siblings,
  ...{ n: 3, r: 2, w: 2 },
  deadlineMs: 1_000,
}

type Change = pb.CreatedBucket.$Properties

/** One bucket is created; the others ask for nothing that can be. */
export function bucketRows(lab: Lab): readonly Row[] {
  const ask = (kind: number, body: Uint8Array) => (): Promise<string> => told(lab, kind, body)
  const create = (change: Change, late: { deadlineMs?: number } = {}) => {
    const bucket = { ...TERMS, ...change }
    return ask(CREATE, pb.BucketCreate.encode({ bucket, ...late }).finish())
  }
  const rename = (fields: pb.BucketRename.$Properties) =>
    ask(RENAME, pb.BucketRename.encode({ from: 'made', to: 'named', ...fields }).finish())
  const other = new Uint8Array(8).fill(2)
  // Rows are tried side by side.
  const made = (next: () => Promise<string>) => async (): Promise<string> => {
    await create({})()
    return next()
  }
  return rowsOf('bucket', [
    ['a good bucket', 'answered', create({})],
    ['the same once more', 'answered', create({})],
    ['its id with another N', 'bucket-exists', made(create({ n: 5 }))],
    ['its name again', 'bucket-exists', made(create({ creation: other }))],
    ['the name of a configured one', 'bucket-exists', create({ createdAs: SINGLE.name })],
    ['no bucket', 'message-garbled', ask(CREATE, NOTHING)],
    ['half a bucket', 'message-garbled', ask(CREATE, HALF)],
    ['an id of zeros', 'message-garbled', create({ creation: new Uint8Array(8) })],
    ['an id of 7 bytes', 'message-garbled', create({ creation: new Uint8Array(7) })],
    ['no name', 'bucket-wrong', create({ createdAs: '' })],
    ['a name of 239 bytes', 'bucket-wrong', create({ createdAs: 'b'.repeat(239) })],
    ['an exact name', 'bucket-wrong', create({ createdAs: `b#${'0'.repeat(16)}` })],
    ['an N of 8', 'quorum-wrong', create({ creation: other, n: 8 })],
    ['an N of 0', 'quorum-wrong', create({ creation: other, n: 0 })],
    ['an R above N', 'quorum-wrong', create({ creation: other, r: 4 })],
    ['a W of 0', 'quorum-wrong', create({ creation: other, w: 0 })],
    ['a policy that is none', 'message-garbled', create({ creation: other, policy: 9 })],
    ['a durability that is none', 'message-garbled', create({ creation: other, durability: 2 })],
    ['a creation with 60,001 ms left', 'deadline-wrong', create({}, LATE)],
    ['another name for an unknown one', 'bucket-wrong', rename({ from: 'none' })],
    ['the name of a configured one, to show', 'bucket-exists', made(rename({ to: SINGLE.name }))],
    ['no name to show', 'bucket-wrong', rename({ to: '' })],
    ['another name with 60,001 ms left', 'deadline-wrong', rename(LATE)],
    ['half another name', 'message-garbled', ask(RENAME, HALF)],
    ['buckets of a peer from a client', 'kind-unknown', ask(PEER_BUCKETS, NOTHING)],
    ...peerRows(lab),
  ])
}

type Told = readonly [string, string, () => Promise<string>]

function peerRows(lab: Lab): readonly Told[] {
  const ask =
    <K extends RequestKind>(kind: K, request: Request<K>) =>
    async () => {
      const session = await asMember(lab)
      const code = await codeOf(() => session.ask(kind, request))
      session.close()
      return code
    }
  const news = { digest: NO_WIDE, news: NOTHING, asked: '', deadlineMs: 100 }
  const points = { from: undefined, end: undefined, run: 1, deadlineMs: 1_000 }
  const transfer = { ring: NO_WIDE, n: 3, partitions: [0], ...points }
  return [
    ['news that name no bucket', 'message-garbled', ask('peerBuckets', { ...news, news: HALF })],
    ['a question for a name', 'taken', ask('peerBuckets', { ...news, asked: 'made' })],
    ['a transfer from other owners', 'ring-differs', ask('peerTransfer', transfer)],
    [
      'a transfer of partitions that there are not',
      'ring-differs',
      ask('peerTransfer', { ...transfer, partitions: [65_535] }),
    ],
    ['a transfer to a client', 'kind-unknown', toClient(lab)],
  ]
}

/** A bulk transfer is asked for at the port of clients. */
function toClient(lab: Lab): () => Promise<string> {
  const body = pb.PeerTransfer.encode({ n: 3, partitions: utf8Bytes('a') }).finish()
  return () => told(lab, REQUEST_KINDS.peerTransfer, body)
}
