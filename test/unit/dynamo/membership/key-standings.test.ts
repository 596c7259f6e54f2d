/** A key signs once all members have told that they have it, and all knew the same members. */
import t from 'tap'
import { KeyRing } from '../../../../src/dynamo/membership/key-ring.ts'
import {
  type KeyStanding,
  KeyStandings,
  membersMark,
} from '../../../../src/dynamo/membership/key-standings.ts'
import { nodeId, type NodeId } from '../../../../src/dynamo/names.ts'

const idOf = (digit: number): NodeId => nodeId(`${digit}`.repeat(16))
const [SELF, A, B, C] = [idOf(1), idOf(2), idOf(3), idOf(4)] as const
const MARK = membersMark([SELF, A, B])
const FIRST = KeyRing.first(new Uint8Array(16), new Uint8Array(16))
const TWO = FIRST.rotated(7, new Uint8Array(16).fill(7))
const THREE = TWO.rotated(8, new Uint8Array(16).fill(8))

const told = (ring: KeyRing, members = MARK): KeyStanding => ({
  has: ring.keys.map(({ id }) => id),
  signer: ring.signer.id,
  digest: ring.digest,
  members,
})

t.test('the newest key that all others have signs', async (t) => {
  const standings = new KeyStandings()
  t.equal(standings.signerOf(TWO, [], MARK).id, 7, 'a node alone')
  t.equal(standings.signerOf(TWO, [A, B], MARK).id, 1)
  standings.hear(A, told(THREE))
  t.same(standings.waitedFor(TWO.newest, [A, B], MARK), [B])
  t.equal(standings.signerOf(TWO, [A, B], MARK).id, 1)
  standings.hear(B, told(TWO))
  t.equal(standings.signerOf(THREE, [A, B], MARK).id, 7, 'the newer one waits')
  t.same(standings.waitedFor(THREE.newest, [A, B], MARK), [B])
  standings.hear(B, told(THREE))
  t.equal(standings.signerOf(THREE, [A, B], MARK).id, 8)
  standings.hear(B, told(FIRST))
  t.equal(standings.signerOf(THREE, [A, B], MARK).id, 1, 'its disk was emptied')
  const signed = THREE.signedBy(THREE.newest)
  t.equal(standings.signerOf(signed, [A, B], MARK).id, 8, 'what signs goes on')
})

t.test('a member that knows others counts once both know the same', async (t) => {
  const standings = new KeyStandings()
  const grown = membersMark([C, B, A, SELF])
  standings.hear(A, told(TWO, grown))
  standings.hear(B, told(TWO))
  t.same(standings.waitedFor(TWO.newest, [A, B], MARK), [A], 'it has let another one in')
  t.same(standings.waitedFor(TWO.newest, [A, B, C], grown), [B, C])
  standings.hear(B, told(TWO, grown))
  standings.hear(C, told(TWO, grown))
  t.same(standings.waitedFor(TWO.newest, [A, B, C], grown), [])
})

t.test('a member that is gone, or may have lost its disk, is forgotten', async (t) => {
  const standings = new KeyStandings()
  for (const id of [A, B]) standings.hear(id, told(TWO))
  standings.keep([B])
  t.equal(standings.of(A), undefined)
  t.ok(standings.of(B))
  standings.forget(B)
  t.equal(standings.of(B), undefined)
})

t.test('a member may sign with a key until it tells of a newer one', async (t) => {
  const standings = new KeyStandings()
  const ring = THREE.signedBy(THREE.newest)
  t.same(standings.signing(ring.oldest, ring, [A, B]), [A, B], 'none has told')
  standings.hear(A, told(ring))
  standings.hear(B, told(THREE))
  t.same(standings.signing(ring.oldest, ring, [A, B]), [B], 'the first key signs there')
  standings.hear(B, { ...told(ring), signer: 99 })
  t.same(standings.signing(ring.oldest, ring, [A, B]), [B], 'a key that is unknown here')
  standings.hear(B, told(THREE.signedBy(TWO.newest)))
  t.same(standings.signing(ring.oldest, ring, [A, B]), [])
})

t.test('the mark of members does not depend on their order', async (t) => {
  t.same(membersMark([A, B, C]), membersMark([C, A, B]))
  t.notSame(membersMark([A, B]), membersMark([A, C]))
  t.same(membersMark([]), { hi: 0, lo: 0 })
  t.ok(membersMark([nodeId('ffffffff00000000')]).hi === 0xffff_ffff, 'halves are unsigned')
})
