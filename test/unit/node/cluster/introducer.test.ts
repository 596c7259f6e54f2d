/** Who may be let in under which name. */
import t from 'tap'
import {
  memberRecord,
  type MemberRecord,
  MemberState,
} from '../../../../src/dynamo/membership/member-record.ts'
import { nodeId, type NodeId } from '../../../../src/dynamo/names.ts'
import { Introducing } from '../../../../src/node/cluster/introducer.ts'

const SELF = nodeId('aaaaaaaaaaaaaaaa')
const OTHER = nodeId('bbbbbbbbbbbbbbbb')
const JOINER = nodeId('cccccccccccccccc')
const GONE = nodeId('dddddddddddddddd')
const FACTS = {
  host: '10.0.0.1',
  clientPort: 7_400,
  peerPort: 7_500,
  machine: 'm',
  zone: '',
  weight: 1,
}

/** Node `SELF`, named n1, with a member n2, which is connected or not. */
function introducing(isConnected: boolean): { introducing: Introducing; present: MemberRecord[] } {
  const present = [of(SELF, 'n1'), of(OTHER, 'n2')]
  const introduce = (record: MemberRecord): Promise<void> => {
    present.push(record)
    return Promise.resolve()
  }
  const membership = { present, introduce, isGone: (node: NodeId) => node === GONE }
  const peers = { isConnected: (node: NodeId) => isConnected && node === OTHER }
  return { introducing: new Introducing(membership, SELF, peers), present }
}

function of(id: NodeId, name: string): MemberRecord {
  const made = { by: id, sponsor: id, state: MemberState.joined, version: 1 }
  return memberRecord({ ...FACTS, ...made, id, name })
}

t.test('the name of a member that is connected is taken', async (t) => {
  const { introducing: one, present } = introducing(true)
  const refused = { code: 'name-taken', certainty: 'refused' }
  await t.rejects(one.introduce({ ...FACTS, id: JOINER, name: 'n2' }), refused)
  await t.rejects(one.introduce({ ...FACTS, id: JOINER, name: 'n1' }), refused, 'its own')
  t.equal(present.length, 2, 'nothing is kept')
  await t.resolves(one.introduce({ ...FACTS, id: GONE, name: 'n2' }), 'that it is gone is told')
  present.pop()
  const records = await one.introduce({ ...FACTS, id: JOINER, name: 'n3' })
  t.equal(records.length, 3)
  t.equal((await one.introduce({ ...FACTS, id: JOINER, name: 'n3' })).length, 4, 'again')
})

t.test('one that has lost its disk joins anew under its name', async (t) => {
  const { introducing: one, present } = introducing(false)
  await one.introduce({ ...FACTS, id: JOINER, name: 'n2' })
  t.same(
    present.map(({ name }) => name),
    ['n1', 'n2', 'n2'],
  )
})
