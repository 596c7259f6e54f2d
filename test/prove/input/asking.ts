/** Asks a served node one thing by hand, as a client or as another member. */
import { bytesOfHex } from '../../../src/base/bytes.ts'
import { errorCodeOf } from '../../../src/base/errors.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { firstKeyAlone, WITHOUT_DATA } from '../../../src/wire/handshake-steps.ts'
import { FAILURE_KIND, REPLY } from '../../../src/wire/message/session.ts'
import { NodeSession } from '../../support/node-session.ts'
import { frame, RawClient } from '../../support/raw-client.ts'
import { CLUSTER_KEY_HEX } from '../../support/served-cluster.ts'
import type { Lab } from './row.ts'

const CALL = 7

/** What node-1 says to one request of an operator, in one word. */
export async function told({ cluster }: Lab, kind: number, body: Uint8Array): Promise<string> {
  const client = await RawClient.greeted(cluster.clientAddress(0))
  try {
    client.send(frame(kind, CALL, body))
    const got = await client.until(({ callId, kind: said }) => callId === CALL && said >= REPLY)
    if (got === undefined) return 'closed without a word'
    return got.kind === FAILURE_KIND ? errorCodeOf(pb.Failure.decode(got.body).code) : 'answered'
  } finally {
    client.close()
  }
}

/** A session with node-1, as node-3. */
export function asMember({ cluster }: Lab): Promise<NodeSession> {
  return NodeSession.connect(cluster.peerAddress(0), {
    role: 'peer',
    standing: WITHOUT_DATA,
    cluster: 'served',
    node: memberIdOf('served', 'node-3'),
    keys: firstKeyAlone(bytesOfHex(CLUSTER_KEY_HEX) as Uint8Array),
  })
}
