/** Bounds of the messages of rounds: a peer that breaks one is refused as garbled. */
import t from 'tap'
import { FLOOR_STARTS_MAX, MEMBERS_MAX, TREE_KEYS_MAX } from '../../../src/limits.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import type { RequestKind } from '../../../src/wire/message/table.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { bytesOf } from '../../support/wire-frames.ts'
import { thrownCode } from '../../support/thrown-code.ts'

const { peerObjects, peerRanges } = REQUESTS

const asked = (kind: RequestKind, bytes: Uint8Array): string =>
  thrownCode(() => decodeRequest(kind, bytes, 0, bytes.length))
const answered = (kind: RequestKind, bytes: Uint8Array): string =>
  thrownCode(() => decodeReply(kind, bytes, 0, bytes.length))

t.test('too many keys are neither asked for nor answered', async (t) => {
  const keys = Array.from({ length: TREE_KEYS_MAX + 1 }, () => peerObjects.keys[0] as never)
  t.equal(
    thrownCode(() => encodeRequest('peerObjects', { ...peerObjects, keys })),
    'message-garbled',
  )
  const objects = Array.from({ length: TREE_KEYS_MAX + 1 }, () => ({ object: null }))
  t.equal(
    answered('peerObjects', pb.PeerObjectsReply.encode({ objects }).finish()),
    'message-garbled',
  )
  const ranges = Array.from({ length: TREE_KEYS_MAX + 1 }, () => peerRanges.keys[0] as never)
  t.equal(
    thrownCode(() => encodeRequest('peerRanges', { ...peerRanges, keys: ranges })),
    'message-garbled',
  )
  const areAlike = new Uint8Array(TREE_KEYS_MAX + 1)
  t.equal(
    answered('peerRanges', pb.PeerRangesReply.encode({ areAlike }).finish()),
    'message-garbled',
  )
})

t.test('floors and starts that are cut, too many or in another order are refused', async (t) => {
  const start = new Uint8Array(8)
  const wrong = [
    new Uint8Array(13),
    new Uint8Array(28),
    new Uint8Array(14 * (FLOOR_STARTS_MAX + 1)),
  ]
  for (const floor of wrong) {
    const step = pb.PeerStepRound.encode({
      number: 1,
      step: 1,
      floor: { number: 1, floor },
    }).finish()
    t.equal(asked('peerStepRound', step), 'message-garbled')
    const rounds = pb.PeerRoundsReply.encode({ start, closing: floor }).finish()
    t.equal(answered('peerRounds', rounds), 'message-garbled')
  }
  for (const named of [new Uint8Array(9), new Uint8Array(16)]) {
    const reply = pb.PeerOpenRoundReply.encode({ start, named }).finish()
    t.equal(answered('peerOpenRound', reply), 'message-garbled')
    const step = pb.PeerStepRound.encode({ number: 1, step: 1, forgotten: named }).finish()
    t.equal(asked('peerStepRound', step), 'message-garbled')
  }
  const long = pb.PeerOpenRoundReply.encode({ start: new Uint8Array(9) }).finish()
  t.equal(answered('peerOpenRound', long), 'message-garbled')
  const none = pb.PeerRoundsReply.encode({}).finish()
  t.equal(answered('peerRounds', none), 'message-garbled', 'no start')
})

t.test('steps, members and ranges that cannot be are refused', async (t) => {
  const step = pb.PeerStepRound.encode({ number: 1, step: 99 }).finish()
  t.equal(asked('peerStepRound', step), 'message-garbled')
  for (const starts of [new Uint8Array(17), new Uint8Array(16 * (MEMBERS_MAX + 1))]) {
    t.equal(
      asked('peerStepRound', pb.PeerStepRound.encode({ number: 1, step: 1, starts }).finish()),
      'message-garbled',
    )
  }
  for (const waitsFor of [new Uint8Array(7), new Uint8Array(8 * (MEMBERS_MAX + 1))]) {
    const reply = pb.PeerStepRoundReply.encode({ waitsFor }).finish()
    t.equal(answered('peerStepRound', reply), 'message-garbled')
  }
  const bytes = bytesOf(encodeRequest('peerRanges', peerRanges))
  t.same(decodeRequest('peerRanges', bytes, 0, bytes.length), peerRanges)
  const { keys } = pb.PeerRanges.decode(bytes)
  for (const ranges of [new Uint8Array(5), new Uint8Array(34)]) {
    const message = { keys: [{ ...keys[0], ranges }] }
    t.equal(asked('peerRanges', pb.PeerRanges.encode(message).finish()), 'message-garbled')
  }
  t.equal(asked('peerRanges', pb.PeerRanges.encode({ keys: [{}] }).finish()), 'message-garbled')
})

t.test('a counter or a sequence above 48 bits is refused', async (t) => {
  const { peerOpenRound } = REPLIES
  const most = { ...peerOpenRound, counter: 2 ** 48 - 1 }
  const bytes = bytesOf(encodeReply('peerOpenRound', most))
  t.same(decodeReply('peerOpenRound', bytes, 0, bytes.length), most)
  const more = { start: new Uint8Array(8), counter: { hi: 2 ** 16, lo: 0 } }
  t.equal(answered('peerOpenRound', pb.PeerOpenRoundReply.encode(more).finish()), 'message-garbled')
})
