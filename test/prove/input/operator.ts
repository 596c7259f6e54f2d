/** Wrong requests of operators, about tables, members, moves and cluster keys, sent by hand. */
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { ChangeOf, PlanAct } from '../../../src/wire/message/cluster.ts'
import { KeyAct, type Sealed } from '../../../src/wire/message/keys.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { asMember, told } from './asking.ts'
import { codeOf, type Lab, type Row, rowsOf } from './row.ts'

const {
  clusterPlan: PLAN,
  clusterChange: CHANGE,
  clusterStatus: STATUS,
  clusterPause: PAUSE,
  clusterKey: KEY,
  peerKeys: PEER_KEYS,
} = REQUEST_KINDS
const NO_WIDE = { hi: 9, lo: 9 }
const LATE = { deadlineMs: 60_001 }

/** None of them changes anything: the cluster has its members, table and key to the end. */
export function operatorRows(lab: Lab): readonly Row[] {
  const ask = (kind: number, body: Uint8Array) => (): Promise<string> => told(lab, kind, body)
  const plan = (change: pb.ClusterPlan.$Properties) =>
    ask(PLAN, pb.ClusterPlan.encode({ act: PlanAct.plan, ...change }).finish())
  const change = (fields: pb.ClusterChange.$Properties) =>
    ask(CHANGE, pb.ClusterChange.encode({ member: 'node-1', ...fields }).finish())
  const key = (fields: pb.ClusterKey.$Properties) => ask(KEY, pb.ClusterKey.encode(fields).finish())
  const commit = { act: PlanAct.commit, parent: NO_WIDE, planned: NO_WIDE }
  const { leave, remove, weight, zone } = ChangeOf
  const half = Uint8Array.of(0x0a)
  return rowsOf('operator', [
    ['a good plan', 'answered', plan({})],
    ['a plan without an act', 'message-garbled', plan({ act: 0 })],
    ['act 9 of a plan', 'message-garbled', plan({ act: 9 })],
    ['a plan with 60,001 ms left', 'deadline-wrong', plan(LATE)],
    ['half a plan', 'message-garbled', ask(PLAN, half)],
    ['a plan without an unknown member', 'member-unknown', plan({ without: ['node-9'] })],
    ['a plan without a name', 'message-garbled', plan({ without: [''] })],
    ['a plan without 513', 'message-garbled', plan({ without: Array(513).fill('node-2') })],
    ['a commit on another table', 'ring-moved-on', plan(commit)],
    ['a table that is not the newest taken back', 'ring-moved-on', plan({ ...commit, act: 3 })],
    ['a change without a kind', 'message-garbled', change({})],
    ['a change of kind 9', 'message-garbled', change({ what: 9 })],
    ['a change with 60,001 ms left', 'deadline-wrong', change({ what: zone, ...LATE })],
    ['half a change', 'message-garbled', ask(CHANGE, half)],
    ['a change of no member', 'message-garbled', change({ what: weight, member: '' })],
    ['a change of an unknown member', 'member-unknown', change({ what: weight, member: 'node-9' })],
    ['a weight below 0', 'message-garbled', change({ what: weight, weight: -1 })],
    ['a weight of 101', 'message-garbled', change({ what: weight, weight: 101 })],
    ['a weight that is no number', 'message-garbled', change({ what: weight, weight: Number.NaN })],
    ['a zone of 256 characters', 'message-garbled', change({ what: zone, zone: 'z'.repeat(256) })],
    ['a leave below N machines', 'would-not-survive', change({ what: leave })],
    ['the removal of one that lives', 'would-not-survive', change({ what: remove })],
    ['an unknown successor', 'member-unknown', change({ what: leave, successor: 'node-9' })],
    ['a good status of the cluster', 'answered', ask(STATUS, new Uint8Array(0))],
    ['one with 60,001 ms left', 'deadline-wrong', ask(STATUS, late(pb.ClusterStatus))],
    ['half of one', 'message-garbled', ask(STATUS, half)],
    ['a good end of a pause', 'answered', ask(PAUSE, new Uint8Array(0))],
    ['a pause with 60,001 ms left', 'deadline-wrong', ask(PAUSE, late(pb.ClusterPause))],
    ['half a pause', 'message-garbled', ask(PAUSE, half)],
    ['the keys of the cluster', 'answered', key({ act: KeyAct.status })],
    ['no act on keys', 'message-garbled', key({})],
    ['act 4 on keys', 'message-garbled', key({ act: 4 })],
    ['keys with 60,001 ms left', 'deadline-wrong', key({ act: KeyAct.status, ...LATE })],
    ['half a request for keys', 'message-garbled', ask(KEY, half)],
    ['a rotation of a key that is not newest', 'answered', key({ act: KeyAct.rotate, key: 9 })],
    ['a drop of an unknown key', 'key-unknown', key({ act: KeyAct.drop, key: 9 })],
    ['a drop of the key that signs', 'key-in-use', key({ act: KeyAct.drop, key: 1 })],
    ['keys of a peer from a client', 'kind-unknown', ask(PEER_KEYS, new Uint8Array(0))],
    ...peerKeysRows(lab),
  ])
}

function late(message: typeof pb.ClusterStatus | typeof pb.ClusterPause): Uint8Array {
  return message.encode(LATE).finish()
}

type Told = readonly [string, string, () => Promise<string>]

/** What node-3 tells of its keys, by hand. */
function peerKeysRows(lab: Lab): readonly Told[] {
  const ask = (kind: 'peerKeys' | 'clusterKey', change: Partial<Sealed>) => async () => {
    const session = await asMember(lab)
    const { sealed = new Uint8Array(0), tag = new Uint8Array(32) } = change
    const wide = { digest: NO_WIDE as never, members: NO_WIDE as never }
    const ring = sealed.length === 0 ? undefined : { sealed, tag }
    const request = { has: [1], signer: 1, ...wide, ring }
    const status = { act: KeyAct.status, key: 0, deadlineMs: 100 }
    const code = await codeOf(() =>
      kind === 'peerKeys' ? session.ask(kind, request) : session.ask(kind, status),
    )
    session.close()
    return code
  }
  return [
    ['a ring that is sealed by no one', 'message-garbled', ask('peerKeys', SEALED)],
    ['an operator at the port of nodes', 'kind-unknown', ask('clusterKey', {})],
  ]
}

const SEALED = { sealed: new Uint8Array(100).fill(7), tag: new Uint8Array(32).fill(7) }
