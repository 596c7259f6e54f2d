/** Hints in one message: how many, of how many bytes, and what is refused as garbled. */
import t from 'tap'
import {
  DELIVERY_BYTES_MAX,
  DELIVERY_KEYS_MAX,
  KEY_BYTES_MAX,
  TREE_KEYS_MAX,
} from '../../../src/limits.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import type { PeerHint } from '../../../src/wire/message/peer.ts'
import type { Request, RequestKind } from '../../../src/wire/message/table.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { bytesOf } from '../../support/wire-frames.ts'
import { thrownCode } from '../../support/thrown-code.ts'

const { peerHints, peerObjects, peerRanges } = REQUESTS
const [HINT] = peerHints.hints as readonly [PeerHint]
const NAME_BYTES = HINT.name.bucket.length + HINT.name.key.length

function afterTravel<K extends RequestKind>(kind: K, request: Request<K>): Request<K> {
  const bytes = bytesOf(encodeRequest(kind, request))
  return decodeRequest(kind, bytes, 0, bytes.length)
}

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
const ofHints = (hints: readonly PeerHint[]): Request<'peerHints'> => ({ ...peerHints, hints })
const hintOf = (bytes: number): PeerHint => ({ ...HINT, object: new Uint8Array(bytes) })

/** As another sender would write it. */
function spelt(hints: readonly PeerHint[]): Uint8Array {
  const messages = hints.map(({ name, object }) => {
    return { ...name, bucketId: { policy: 1, n: 3 }, object }
  })
  return pb.PeerHints.encode({ ring: { hi: 1, lo: 2 }, deadlineMs: 1, hints: messages }).finish()
}

t.test('as many hints travel as may be, and as many bytes', async (t) => {
  const most = ofHints(times(DELIVERY_KEYS_MAX, HINT))
  t.strictSame(afterTravel('peerHints', most), most)
  const full = ofHints([hintOf(10), hintOf(DELIVERY_BYTES_MAX - 10 - 2 * NAME_BYTES)])
  t.strictSame(afterTravel('peerHints', full), full)
  const long = ofHints([hintOf(3 * DELIVERY_BYTES_MAX)])
  t.strictSame(afterTravel('peerHints', long), long)
})

t.test('too many hints or bytes are neither sent nor taken, and none is no message', async (t) => {
  const wrong = [
    [],
    times(DELIVERY_KEYS_MAX + 1, HINT),
    [hintOf(10), hintOf(DELIVERY_BYTES_MAX - 9 - 2 * NAME_BYTES)],
  ]
  for (const hints of wrong) {
    t.equal(
      thrownCode(() => encodeRequest('peerHints', ofHints(hints))),
      'message-garbled',
    )
    const bytes = spelt(hints)
    t.equal(
      thrownCode(() => decodeRequest('peerHints', bytes, 0, bytes.length)),
      'message-garbled',
    )
  }
})

t.test('a hint with a name or a bucket that cannot be is refused with its message', async (t) => {
  const { name } = HINT
  const key = new Uint8Array(KEY_BYTES_MAX + 1)
  const noKey = spelt([HINT, { ...HINT, name: { ...name, key } }])
  t.equal(
    thrownCode(() => decodeRequest('peerHints', noKey, 0, noKey.length)),
    'key-wrong',
  )
  const bare = { ...name, object: HINT.object }
  const noBucket = pb.PeerHints.encode({ hints: [bare] }).finish()
  t.equal(
    thrownCode(() => decodeRequest('peerHints', noBucket, 0, noBucket.length)),
    'message-garbled',
  )
})

t.test('an answer has a code for each hint, and not more than hints were sent', async (t) => {
  const refusals = [...times(DELIVERY_KEYS_MAX - 1, undefined), 'record-rotten' as const]
  const bytes = bytesOf(encodeReply('peerHints', { refusals }))
  t.strictSame(decodeReply('peerHints', bytes, 0, bytes.length), { refusals })
  const more = pb.PeerHintsReply.encode({ codes: times(DELIVERY_KEYS_MAX + 1, 0) }).finish()
  t.equal(
    thrownCode(() => decodeReply('peerHints', more, 0, more.length)),
    'message-garbled',
  )
})

/** 256 keys have more fields than a request of a client may have. */
t.test('exchanges and rounds ask for as many keys as they may', async (t) => {
  const objects = { ...peerObjects, keys: times(TREE_KEYS_MAX, peerObjects.keys[0] as never) }
  t.strictSame(afterTravel('peerObjects', objects), objects)
  const ranges = { ...peerRanges, keys: times(TREE_KEYS_MAX, peerRanges.keys[0] as never) }
  t.strictSame(afterTravel('peerRanges', ranges), ranges)
})
