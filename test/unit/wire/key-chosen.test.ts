/** Which cluster key two members prove, of those that both have. */
import t from 'tap'
import { CLUSTER_KEYS_MERGED_MAX } from '../../../src/limits.ts'
import { keyChosen, keysTold } from '../../../src/wire/handshake-steps.ts'

/** The keys of a member, the one that signs first. */
function having(...offered: readonly number[]): Parameters<typeof keyChosen>[0] {
  return { offered, keyOf: () => new Uint8Array(16) }
}

t.test('two members prove the best key for the acceptor that both have', async (t) => {
  t.equal(keyChosen(having(3, 2), [2, 3]), 3)
  t.equal(keyChosen(having(3, 2), [9, 2]), 2, 'the connector signs with a key of its own')
  t.equal(keyChosen(having(3, 1), [9, 1]), 0, 'the first key of a cluster is told as 0')
  t.equal(keyChosen(having(3, 1), []), 0, 'and alone it is not told at all')
  t.throws(() => keyChosen(having(3, 2), [9, 8]), { code: 'proof-wrong' })
  t.throws(() => keyChosen(having(3, 2), []), { code: 'proof-wrong' })
})

t.test('a member tells its keys, but the first one alone', async (t) => {
  t.strictSame(keysTold(having(1)), [])
  t.strictSame(keysTold(having(2, 1)), [2, 1])
  t.strictSame(keysTold(having(2)), [2])
})

t.test('no member has more keys than a ring holds', async (t) => {
  const told = Array.from({ length: CLUSTER_KEYS_MERGED_MAX + 1 }, (_, i) => i + 1)
  t.throws(() => keyChosen(having(1), told), { code: 'message-garbled' })
  t.equal(keyChosen(having(1), told.slice(0, -1)), 0)
})
