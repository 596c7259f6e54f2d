/** Failures to bytes and back: what is known beside the code, and how its length is bounded. */
import t from 'tap'
import { OperatingError } from '../../../src/base/errors.ts'
import {
  LIMIT_NAME_CHARS_MAX,
  REPLICAS_MAX,
  RETRY_AFTER_MS_MAX,
  SENTENCE_CHARS_MAX,
} from '../../../src/limits.ts'
import { decodeControl, encodeControl, errorOf } from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { bytesOf } from '../../support/wire-frames.ts'

const NODE = { node: 'ab'.repeat(8), code: 'peer-away' } as const

/** The error as the other side gets it. */
function sent(error: OperatingError): OperatingError {
  const bytes = bytesOf(encodeControl('failure', error))
  return errorOf(decodeControl('failure', bytes, 0, bytes.length))
}

t.test('all that is known about a failure is sent with it', async (t) => {
  for (const details of [
    undefined,
    { needed: 3, answered: 0 },
    { needed: 2, answered: 1, nodes: [NODE, { node: '01'.repeat(8), code: 'overloaded' }] },
    { retryAfterMs: 50, limit: { name: 'calls-max', value: 2 ** 32 - 1 } },
    { limit: { name: 'n', value: 0 } },
  ] as const) {
    const got = sent(new OperatingError('overloaded', 'why', { details, certainty: 'in-doubt' }))
    t.same(got.details, details)
    t.match(got, { code: 'overloaded', certainty: 'in-doubt', message: 'why' })
  }
})

t.test('what is too long is cut', async (t) => {
  const nodes = Array.from({ length: REPLICAS_MAX + 1 }, () => NODE)
  const limit = { name: 'n'.repeat(LIMIT_NAME_CHARS_MAX + 1), value: 1 }
  const details = { nodes, retryAfterMs: RETRY_AFTER_MS_MAX + 1, limit }
  const { message, details: got } = sent(
    new OperatingError('overloaded', 'm'.repeat(SENTENCE_CHARS_MAX + 1), { details }),
  )
  t.equal(message.length, SENTENCE_CHARS_MAX)
  t.equal(got?.nodes?.length, REPLICAS_MAX)
  t.equal(got?.limit?.name.length, LIMIT_NAME_CHARS_MAX)
  t.equal(got?.retryAfterMs, RETRY_AFTER_MS_MAX)
  const bytes = pb.Failure.encode({
    nodes: nodes.map(() => ({ node: new Uint8Array(8), code: 67 })),
    limit: limit.name,
    retryAfterMs: 0xffff_ffff,
  }).finish()
  const received = decodeControl('failure', bytes, 0, bytes.length).details
  t.equal(received?.nodes?.length, REPLICAS_MAX)
  t.equal(received?.limit?.name.length, LIMIT_NAME_CHARS_MAX)
  t.equal(received?.retryAfterMs, RETRY_AFTER_MS_MAX)
})

t.test('a node id that is none is refused, and a code of a newer node is internal', async (t) => {
  const decoded = (node: Uint8Array): unknown => {
    const bytes = pb.Failure.encode({ code: 62, nodes: [{ node, code: 9_999 }] }).finish()
    return decodeControl('failure', bytes, 0, bytes.length).details
  }
  for (const length of [0, 7, 9]) {
    t.throws(() => decoded(new Uint8Array(length)), { code: 'message-garbled' })
  }
  t.same(decoded(new Uint8Array(8)), { nodes: [{ node: '00'.repeat(8), code: 'internal' }] })
})
