/** The receipts of a session: which it keeps, which fall out, and its text. */
import t from 'tap'
import { Prng } from '../../../src/base/prng.ts'
import { SessionReceipts } from '../../../src/client/session-receipts.ts'
import { RECEIPTS_PER_GET_MAX, SESSION_BYTES_MAX } from '../../../src/limits.ts'
import type { Token } from '../../../src/native/digest.ts'

const tokenOf = (number: number): Token => ({ hi: number, lo: 2 * number }) as Token
const K = tokenOf(1)
const receipt = (number: number, length = 30): Uint8Array => new Uint8Array(length).fill(number)

t.test('puts add receipts, and a get that carried them takes their place', async (t) => {
  const session = new SessionReceipts()
  session.onPut(K, receipt(1))
  session.onPut(K, receipt(2))
  t.same(session.of(K), [receipt(1), receipt(2)])
  const sent = session.of(K)
  session.onPut(K, receipt(3))
  session.onGet(K, sent, receipt(4, 50))
  t.same(session.of(K), [receipt(3), receipt(4, 50)], 'a put meanwhile keeps its own')
  t.same(session.of(tokenOf(2)), [])
  t.notOk(session.isPartial(K))
})

t.test('what has no receipt makes the key partial, until a get has one', async (t) => {
  const session = new SessionReceipts()
  session.onPut(K, receipt(1))
  session.onGet(K, session.of(K), new Uint8Array(0))
  t.ok(session.isPartial(K))
  t.same(session.of(K), [receipt(1)], 'the old one still holds')
  session.onGet(K, session.of(K), receipt(2))
  t.notOk(session.isPartial(K))
})

t.test('many puts without a get make the key partial', async (t) => {
  const session = new SessionReceipts()
  for (let i = 0; i < RECEIPTS_PER_GET_MAX; i++) session.onPut(K, receipt(i))
  t.notOk(session.isPartial(K))
  session.onPut(K, receipt(99))
  t.ok(session.isPartial(K))
  t.equal(session.of(K).length, RECEIPTS_PER_GET_MAX)
  t.same(session.of(K).at(-1), receipt(99))
})

t.test('beyond 1 KiB the keys used longest ago fall out, and are partial', async (t) => {
  const session = new SessionReceipts()
  for (let i = 1; i <= 100; i++) {
    session.onPut(tokenOf(i), receipt(i))
    session.onPut(K, receipt(i))
    session.onGet(K, session.of(K), receipt(i))
    t.ok(session.bytes <= SESSION_BYTES_MAX)
  }
  t.ok(session.bytes > SESSION_BYTES_MAX - 100, 'it is used up')
  t.equal(session.of(K).length, 1, 'a key in use stays')
  t.notOk(session.isPartial(K))
  t.ok(session.isPartial(tokenOf(2)), 'one that fell out')
  t.ok(session.isPartial(tokenOf(1_000)), 'one that may have')
  t.equal(session.of(tokenOf(100)).length, 1)
})

t.test('the text of a session is read as the session', async (t) => {
  const prng = Prng.of(1, 'sessions')
  for (let round = 0; round < 200; round++) {
    const session = new SessionReceipts()
    for (let i = prng.below(60); i > 0; i--) {
      const token = tokenOf(prng.below(40))
      const one = prng.fill(new Uint8Array(prng.pick([30, 26, 50])))
      if (prng.chance(0.6)) session.onPut(token, one)
      else session.onGet(token, session.of(token), prng.chance(0.2) ? new Uint8Array(0) : one)
    }
    const text = session.toString()
    t.ok(text.length <= Math.ceil((SESSION_BYTES_MAX * 4) / 3))
    const again = SessionReceipts.parse(text)
    t.equal(again.toString(), text)
    t.equal(again.bytes, session.bytes)
    for (let i = 0; i < 40; i++) {
      t.same(again.of(tokenOf(i)), session.of(tokenOf(i)))
      t.equal(again.isPartial(tokenOf(i)), session.isPartial(tokenOf(i)))
    }
  }
})

t.test('a text that is no session is refused', async (t) => {
  const session = new SessionReceipts()
  session.onPut(K, receipt(1))
  const text = session.toString()
  const wrong = ['', 'A', '!', text.slice(0, 20), `${text}AAAA`, `B${text.slice(1)}`, 'AQQ']
  for (const one of [...wrong, 'A'.repeat(4_000), `${text}${text}`]) {
    t.throws(() => SessionReceipts.parse(one), { code: 'receipt-garbled' }, one.slice(0, 30))
  }
})
