/** The book of invitations: one joiner each, ten minutes, and a bound. */
import t from 'tap'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { INVITATION_MS, INVITATIONS_MAX } from '../../../../src/limits.ts'
import { Invitations } from '../../../../src/node/cluster/invitations.ts'
import { WirePipeWorld } from '../../../support/wire-pipe.ts'

const ANN = nodeId('aaaaaaaaaaaaaaaa')
const BOB = nodeId('bbbbbbbbbbbbbbbb')

function book(): { readonly invitations: Invitations; readonly world: WirePipeWorld } {
  const world = new WirePipeWorld()
  return { world, invitations: new Invitations(world.clock, world.entropy) }
}

/** `done`, or the code and why. */
function outcomeOf(work: () => unknown): string {
  try {
    const result = work()
    return isOperatingError(result) ? `${result.code}: ${result.message}` : 'done'
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return `${error.code}: ${error.message}`
  }
}

const USED = /^invitation-wrong: the invitation was used by another node/
const EXPIRED = /^invitation-wrong: the invitation has expired/
const FOREIGN = /^invitation-wrong: this node has issued no such invitation/

t.test('each invitation has its own id and 256 bits of secret', async (t) => {
  const { invitations } = book()
  const [one, other] = [invitations.issue(), invitations.issue()]
  t.equal(one.secret.length, 32)
  t.not(one.id, other.id)
  t.notSame(one.secret, other.secret)
  t.same(invitations.secretOf(one.id), one.secret)
})

t.test('the first joiner may use it again and again, and no other ever', async (t) => {
  const { invitations, world } = book()
  const { id } = invitations.issue()
  t.equal(
    outcomeOf(() => invitations.claim(id, ANN)),
    'done',
  )
  t.match(
    outcomeOf(() => invitations.claim(id, BOB)),
    USED,
    'also while the first is let in',
  )
  invitations.use(id)
  t.equal(
    outcomeOf(() => invitations.claim(id, ANN)),
    'done',
  )
  t.equal(
    outcomeOf(() => invitations.refusalOf(id, ANN)),
    'done',
  )
  t.match(
    outcomeOf(() => invitations.refusalOf(id, BOB)),
    USED,
  )
  invitations.release(id, ANN)
  t.match(
    outcomeOf(() => invitations.claim(id, BOB)),
    USED,
    'a later refusal does not free it',
  )
  world.leap(INVITATION_MS)
  t.match(
    outcomeOf(() => invitations.claim(id, ANN)),
    USED,
    'and it ends for the first too',
  )
  t.match(
    outcomeOf(() => invitations.secretOf(id)),
    USED,
  )
})

t.test('a joiner that was refused leaves the invitation to others', async (t) => {
  const { invitations } = book()
  const { id } = invitations.issue()
  invitations.claim(id, ANN)
  invitations.release(id, BOB)
  t.match(
    outcomeOf(() => invitations.claim(id, BOB)),
    USED,
    'only the one that claimed it',
  )
  invitations.release(id, ANN)
  t.equal(
    outcomeOf(() => invitations.claim(id, BOB)),
    'done',
  )
})

t.test('an invitation expires after ten minutes, and not before', async (t) => {
  const { invitations, world } = book()
  const { id, secret } = invitations.issue()
  world.leap(INVITATION_MS - 1)
  t.equal(
    outcomeOf(() => invitations.secretOf(id)),
    'done',
  )
  world.leap(1)
  t.match(
    outcomeOf(() => invitations.secretOf(id)),
    EXPIRED,
  )
  t.match(
    outcomeOf(() => invitations.claim(id, ANN)),
    EXPIRED,
  )
  t.ok(
    secret.every((byte) => byte === 0),
    'its secret is in memory no longer',
  )
})

t.test('an invitation of another node, or of the time before a restart, is foreign', async (t) => {
  const { invitations } = book()
  const { id } = book().invitations.issue()
  const other = new Invitations(new WirePipeWorld().clock, { bytes: (n) => new Uint8Array(n) })
  t.match(
    outcomeOf(() => other.secretOf(id)),
    FOREIGN,
  )
  t.match(
    outcomeOf(() => invitations.refusalOf(id, ANN)),
    FOREIGN,
  )
})

t.test('unused invitations are bounded: `invitations-full`, until they end', async (t) => {
  const { invitations, world } = book()
  const issued = Array.from({ length: INVITATIONS_MAX }, () => invitations.issue())
  t.match(
    outcomeOf(() => invitations.issue()),
    /^invitations-full: /,
  )
  invitations.claim(issued[0]?.id as (typeof issued)[0]['id'], ANN)
  t.equal(
    outcomeOf(() => invitations.issue()),
    'done',
    'one that is used makes room',
  )
  t.match(
    outcomeOf(() => invitations.issue()),
    /^invitations-full: /,
  )
  world.leap(INVITATION_MS)
  t.equal(
    outcomeOf(() => invitations.issue()),
    'done',
  )
  t.equal(invitations.unused, 1)
})

t.test('used and ended ones are remembered within the bound', async (t) => {
  const { invitations, world } = book()
  const ids = Array.from({ length: 3 * INVITATIONS_MAX }, () => {
    const { id } = invitations.issue()
    invitations.claim(id, ANN)
    invitations.use(id)
    return id
  })
  const lastId = ids.at(-1) as (typeof ids)[0]
  t.equal(
    outcomeOf(() => invitations.claim(lastId, ANN)),
    'done',
  )
  t.match(
    outcomeOf(() => invitations.claim(ids[0] as typeof lastId, BOB)),
    USED,
    'ended early',
  )
  world.leap(INVITATION_MS)
  t.match(
    outcomeOf(() => invitations.claim(lastId, BOB)),
    USED,
  )
  t.match(
    outcomeOf(() => invitations.claim(ids[0] as typeof lastId, BOB)),
    FOREIGN,
    'forgotten',
  )
})
