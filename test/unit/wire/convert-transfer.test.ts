/** Bulk transfers as messages: partitions as bits, and what is refused as garbled. */
import t from 'tap'
import { PARTITIONS_MAX, SEGMENT_BYTES_MAX, TRANSFER_BYTES_MAX } from '../../../src/limits.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import type { PeerTransfer, PeerTransferReply } from '../../../src/wire/message/peer.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { bytesOf } from '../../support/wire-frames.ts'
import { thrownCode } from '../../support/thrown-code.ts'

const { peerTransfer } = REQUESTS

function afterTravel(request: PeerTransfer): PeerTransfer {
  const bytes = bytesOf(encodeRequest('peerTransfer', request))
  return decodeRequest('peerTransfer', bytes, 0, bytes.length)
}

function decoded(message: pb.PeerTransfer.$Properties): string {
  const bytes = pb.PeerTransfer.encode({ deadlineMs: 1, n: 3, ...message }).finish()
  return thrownCode(() => decodeRequest('peerTransfer', bytes, 0, bytes.length))
}

t.test('any partitions of the largest ring travel, with and without points', async (t) => {
  const all = Array.from({ length: PARTITIONS_MAX }, (_, i) => i)
  for (const partitions of [[0], [PARTITIONS_MAX - 1], [3, 8, 15, 16], all]) {
    const asked = { ...peerTransfer, partitions, from: undefined, end: undefined }
    t.strictSame(afterTravel(asked), asked)
  }
})

t.test('a page is as long as it may be, and no longer', async (t) => {
  const reply: PeerTransferReply = { ...REPLIES.peerTransfer, next: undefined }
  const full = { ...reply, records: new Uint8Array(TRANSFER_BYTES_MAX) }
  const bytes = bytesOf(encodeReply('peerTransfer', full))
  t.strictSame(decodeReply('peerTransfer', bytes, 0, bytes.length), full)
  const records = new Uint8Array(TRANSFER_BYTES_MAX + 1)
  const long = pb.PeerTransferReply.encode({ records, end: { segment: 1, offset: 32 } }).finish()
  t.equal(
    thrownCode(() => decodeReply('peerTransfer', long, 0, long.length)),
    'message-garbled',
  )
  t.equal(
    thrownCode(() => encodeReply('peerTransfer', { ...reply, records })),
    'message-garbled',
  )
})

t.test('what no sender sends is garbled', async (t) => {
  const bit = Uint8Array.of(1)
  t.equal(decoded({ partitions: bit }), 'nothing thrown')
  t.equal(decoded({ partitions: new Uint8Array(2) }), 'message-garbled', 'of no partition')
  t.equal(
    decoded({ partitions: new Uint8Array(PARTITIONS_MAX / 8 + 1).fill(1) }),
    'message-garbled',
  )
  t.equal(decoded({ partitions: bit, n: 0 }), 'message-garbled')
  t.equal(decoded({ partitions: bit, n: 8 }), 'message-garbled')
  const from = { segment: 1, offset: SEGMENT_BYTES_MAX + 1 }
  t.equal(decoded({ partitions: bit, from }), 'message-garbled')
  const endless = pb.PeerTransferReply.encode({ records: bit }).finish()
  t.equal(
    thrownCode(() => decodeReply('peerTransfer', endless, 0, endless.length)),
    'message-garbled',
  )
})
