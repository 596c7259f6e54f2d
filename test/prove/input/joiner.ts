/** Wrong joiners, by hand: each has an invitation of node-1, and uses it wrongly. */
import { bytesOfHex, utf8Bytes } from '../../../src/base/bytes.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { readInvitation } from '../../../src/wire/invitation.ts'
import { CONTROL_KINDS } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { proofKeyOf, proofOf } from '../../../src/wire/proof.ts'
import { NodeSession } from '../../support/node-session.ts'
import { frame, helloFrame, RawClient, wordOf } from '../../support/raw-client.ts'
import { type Lab, type Row, rowsOf, SINGLE } from './row.ts'

const CALL = 7
const { peerJoin: JOIN, get: GET } = REQUEST_KINDS
const FACTS = { name: 'n9', host: '127.0.0.1', clientPort: 1, peerPort: 2, machine: 'm', weight: 1 }
const BUCKETS = [{ name: SINGLE.name, n: SINGLE.n }]
const RIGHT: pb.PeerJoin.$Properties = {
  ...{ ...FACTS, buckets: BUCKETS },
  ...{ format: 1, deadlineMs: 5_000 },
}

interface Lie {
  readonly join?: pb.PeerJoin.$Properties
  readonly node?: Uint8Array
  readonly cluster?: string
  /** Made with another secret. */
  readonly isProofWrong?: boolean
  /** Sent in the place of PeerJoin. */
  readonly kind?: number
}

/** What node-1 says to a joiner, in one word. */
async function told({ cluster: lab }: Lab, lie: Lie): Promise<string> {
  const operator = await NodeSession.connect(lab.clientAddress(0))
  const { invitation: text } = await operator.ask('invite', { deadlineMs: 5_000 })
  operator.close()
  const { id, secret } = readInvitation(text)
  const client = await RawClient.connect(lab.peerAddress(0))
  try {
    const hello = helloFrame({ role: pb.Role.JOINER, invitation: bytesOfHex(id) as Uint8Array })
    client.send(hello)
    const welcome = await client.until(() => true)
    const theirs = await client.until(() => true)
    if (welcome === undefined || theirs?.kind !== CONTROL_KINDS.proof) return 'no proof'
    const key = proofKeyOf('joiner', lie.isProofWrong === true ? new Uint8Array(32) : secret)
    const sent = hello.subarray(20, -4)
    const proof = proofOf('connector', key, sent, welcome.body)
    const { cluster = 'served', node = utf8Bytes('new node') } = lie
    client.send(frame(CONTROL_KINDS.proof, 0, pb.Proof.encode({ proof }).finish()))
    client.send(frame(CONTROL_KINDS.identity, 0, pb.Identity.encode({ cluster, node }).finish()))
    const isLast = ({ kind }: { readonly kind: number }): boolean =>
      kind === CONTROL_KINDS.ready || kind === CONTROL_KINDS.goodbye
    const last = await client.until(isLast)
    if (last?.kind !== CONTROL_KINDS.ready) return last === undefined ? 'closed' : wordOf(last)
    const { kind = JOIN } = lie
    client.send(frame(kind, CALL, pb.PeerJoin.encode({ ...RIGHT, ...lie.join }).finish()))
    return await client.word(CALL)
  } finally {
    client.close()
  }
}

/** None of them is let in: the cluster has its three members to the end. */
export function joinerRows(lab: Lab): readonly Row[] {
  const as = (lie: Lie) => (): Promise<string> => told(lab, lie)
  const member = bytesOfHex(memberIdOf('served', 'node-2')) as Uint8Array
  return rowsOf('joiner', [
    ['a joiner that knows no secret', 'proof-wrong', as({ isProofWrong: true })],
    ['a joiner of another cluster', 'wrong-cluster', as({ cluster: 'elsewhere' })],
    ['a joiner with an id of three bytes', 'message-garbled', as({ node: new Uint8Array(3) })],
    ['a joiner with the id of a member', 'node-id-taken', as({ node: member })],
    ['a joiner that gets a key', 'kind-unknown', as({ kind: GET })],
    ['a joiner with another format', 'format-unsupported', as({ join: { format: 2 } })],
    ['a joiner with 512 partitions', 'ring-differs', as({ join: { partitions: 512 } })],
    ['a joiner with 3 partitions', 'message-garbled', as({ join: { partitions: 3 } })],
    ['a joiner with two copies', 'ring-differs', as({ join: { n: 2 } })],
    ['a joiner with a hundred copies', 'message-garbled', as({ join: { n: 100 } })],
    ['a joiner with the name of a member', 'name-taken', as({ join: { name: 'node-2' } })],
    ['a joiner with other buckets', 'ring-differs', as({ join: { buckets: [] } })],
    ['a joiner without a name', 'message-garbled', as({ join: { name: '' } })],
    ['a joiner without weight', 'message-garbled', as({ join: { weight: 0 } })],
    ['a joiner with weight 101', 'message-garbled', as({ join: { weight: 101 } })],
    ['a joiner without a port', 'message-garbled', as({ join: { peerPort: 0 } })],
  ])
}
