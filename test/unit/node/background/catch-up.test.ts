/** What follows from an exchange for a member that is behind, or that has lost something. */
import t from 'tap'
import { OWN, startId } from '../../../../src/dynamo/names.ts'
import { NO_ROUND, type RoundFloor } from '../../../../src/dynamo/repair/round.ts'
import { CatchUp } from '../../../../src/node/background/catch-up.ts'
import type { OwnStanding } from '../../../../src/node/cluster/own-standing.ts'
import type { RoundsAnswer } from '../../../../src/node/cluster/peer-calls.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Floors } from '../../../../src/node/replica/floors.ts'
import type { Replica } from '../../../../src/node/replica/replica.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'

const [FIRST, SECOND] = [startId('1'.repeat(16)), startId('2'.repeat(16))]

const round = (number: number, base = 0): RoundFloor => ({ ...NO_ROUND, number, base })

const at = (adopted: RoundFloor): RoundsAnswer => ({
  start: FIRST,
  isWhole: true,
  adopted,
  highest: adopted.number,
  closed: adopted.number,
  closing: new Map([[FIRST, 9]]),
  durable: 0,
  knowsClosed: true,
})

function bench() {
  const sim = new SimWorld({ seed: 1 })
  const { clock } = sim.start(1)
  const topology = new Topology(new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 }).configOf(1))
  const replica = {
    start: FIRST,
    drops: 0,
    drawn: [] as string[],
    drawNewStart: (reason: string): void => void replica.drawn.push(reason),
    dropAll(): Promise<void> {
      replica.drops += 1
      return Promise.resolve()
    },
  }
  const standing = {
    state: 'whole',
    rebuilt(): Promise<boolean> {
      standing.state = 'whole'
      return Promise.resolve(true)
    },
  }
  const floors = new Floors({ directory: undefined, clock })
  const catchUp = new CatchUp({
    topology,
    floors,
    replica: replica as unknown as Replica,
    standing: standing as unknown as OwnStanding,
  })
  const [b, c] = topology.otherOwners()
  if (b === undefined || c === undefined || b === OWN || c === OWN) throw new Error('three owners')
  /** As `OwnStanding.lose` does. */
  const lose = (): void => {
    standing.state = 'rebuilding'
    catchUp.reset('emptied')
  }
  return { catchUp, floors, replica, standing, b, c, lose }
}

t.test('a member that is behind adopts when it has exchanged with all, at one round', async (t) => {
  const { catchUp, floors, b, c } = bench()
  await catchUp.onExchanged(b, round(4))
  t.equal(floors.adopted.number, 0, 'not with one')
  await catchUp.onExchanged(c, round(5))
  t.equal(floors.adopted.number, 0, 'not at two rounds')
  await catchUp.onExchanged(b, round(5))
  t.equal(floors.adopted.number, 5)
  await catchUp.onExchanged(b, round(4))
  await catchUp.onExchanged(c, round(4))
  t.equal(floors.adopted.number, 5, 'and goes back to none')
})

t.test('exchanges in two starts do not add up', async (t) => {
  const { catchUp, floors, replica, b, c } = bench()
  await catchUp.onExchanged(b, round(4))
  replica.start = SECOND
  await catchUp.onExchanged(c, round(4))
  t.equal(floors.adopted.number, 0)
  await catchUp.onExchanged(b, round(4))
  t.equal(floors.adopted.number, 4)
})

t.test('who has covered a round adopts it as it meets one that adopted it', async (t) => {
  const { catchUp, floors, b } = bench()
  await catchUp.meet(b, at(round(3)))
  t.equal(floors.adopted.number, 0)
  await floors.cover(round(3))
  await catchUp.meet(b, at(round(4)))
  t.equal(floors.adopted.number, 0, 'a later round than it covered')
  await catchUp.meet(b, at(round(3)))
  t.equal(floors.adopted.number, 3)
})

t.test(
  'what was lost is back after exchanges with all, once it is known what was closed',
  async (t) => {
    const { catchUp, floors, replica, standing, b, c, lose } = bench()
    await floors.adopt(round(2))
    lose()
    t.equal(floors.adopted.number, 0)
    t.same(replica.drawn, ['lost'], 'no earlier round is told in the same start')
    t.match(catchUp.sentence, /exchange with n2, n3, and takes no writes before that/)
    await catchUp.meet(b, { ...at(round(2)), knowsClosed: false })
    t.notOk(floors.knowsClosed, 'a member that lost something itself cannot tell')
    for (const node of [b, c]) await catchUp.onExchanged(node, round(2))
    t.equal(standing.state, 'rebuilding')
    await catchUp.meet(b, at(round(2)))
    t.ok(floors.knowsClosed)
    t.equal(floors.closed.closing.get(FIRST), 9)
    await catchUp.onExchanged(b, round(2))
    t.equal(standing.state, 'whole')
    t.equal(catchUp.sentence, undefined)
  },
)

t.test('exchanges from before a loss do not count', async (t) => {
  const { catchUp, standing, b, c, lose } = bench()
  await catchUp.onExchanged(b, round(2))
  const { losses } = catchUp
  lose()
  t.not(catchUp.losses, losses, 'one that is under way is told by this')
  await catchUp.meet(b, at(round(2)))
  await catchUp.onExchanged(c, round(2))
  t.equal(standing.state, 'rebuilding')
  await catchUp.onExchanged(b, round(2))
  t.equal(standing.state, 'whole')
})

t.test(
  'a disk older than the base of the floors is emptied, with what others gave it',
  async (t) => {
    const { catchUp, floors, replica, standing, b, c, lose } = bench()
    await floors.close(round(2), new Set())
    lose()
    await catchUp.onExchanged(b, round(5, 3))
    await catchUp.meet(b, at(round(5, 3)))
    t.equal(replica.drops, 1)
    await catchUp.onExchanged(c, round(5, 3))
    t.equal(standing.state, 'rebuilding', 'what b gave went too')
    await catchUp.onExchanged(b, round(5, 3))
    t.equal(standing.state, 'whole')
    t.equal(floors.adopted.number, 5)
  },
)

t.test('what an older disk learned of others makes it no younger', async (t) => {
  const { catchUp, floors, replica, b, lose } = bench()
  await floors.close(round(2), new Set())
  lose()
  await catchUp.meet(b, { ...at(round(4, 1)), closed: 5 })
  t.equal(replica.drops, 0, 'that floor holds its dots')
  t.ok(floors.knowsClosed)
  await catchUp.meet(b, at(round(5, 5)))
  t.equal(replica.drops, 1, 'this one does not any more')
  lose()
  await catchUp.meet(b, at(round(5, 5)))
  t.equal(replica.drops, 1, 'once is enough')
})

t.test('nor is it after a restart', async (t) => {
  const { catchUp, floors, replica, b, lose } = bench()
  await floors.close(round(2), new Set())
  lose()
  await catchUp.meet(b, { ...at(round(4, 1)), closed: 5 })
  lose()
  await catchUp.meet(b, at(round(5, 5)))
  t.equal(replica.drops, 1)
})

t.test('a disk that closed the base or a later round is merged', async (t) => {
  const { catchUp, floors, replica, b, lose } = bench()
  await floors.close(round(3), new Set())
  lose()
  await catchUp.meet(b, at(round(5, 3)))
  t.equal(replica.drops, 0)
})

t.test('hints of a disk that lost something go to members that have told its age', async (t) => {
  const { catchUp, b, c, lose } = bench()
  t.ok(catchUp.mayDeliver(b), 'nothing is lost')
  await catchUp.meet(c, at(round(2)))
  lose()
  t.notOk(catchUp.mayDeliver(b))
  t.notOk(catchUp.mayDeliver(c), 'it was met before that')
  await catchUp.meet(b, at(round(2)))
  t.ok(catchUp.mayDeliver(b))
  t.notOk(catchUp.mayDeliver(c))
})
