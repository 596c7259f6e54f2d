/** Plants about who is believed: handshakes, tokens, proofs, seals. The simulator has no liars. */
import type { PlantGroup } from './plant.ts'

const HANDSHAKE = 'test/unit/wire/handshake.test.ts'

export const STRANGERS: PlantGroup = {
  name: 'strangers',
  plantsMin: 10,
  plants: [
    {
      name: 'the seal of a context is not verified',
      find: 'if (!equalSecrets(this.#mac, bytes.subarray(signed))) {',
      replace: 'if (this.#mac.length === 0) {',
      why: 'an invented range with a huge counter erases writes to come',
      caughtBy: 'test/unit/dynamo/version/context-seal.test.ts',
    },
    {
      name: 'requests of nodes are served to clients',
      find: 'if (kind === undefined || !this.#allowed.has(kind)) {',
      replace: 'if (kind === undefined) {',
      why: 'a client writes objects with contexts of its own making',
      caughtBy: 'test/unit/wire/broken.test.ts',
    },
    {
      name: 'secrets are compared up to where they differ',
      find: 'difference |= a[i] ^ (b[i % b.length] ?? 0)',
      replace: 'if (a[i] !== b[i % b.length]) return false',
      why: 'how long it takes tells how much of a guess was right',
      caughtBy: 'test/unit/base/bytes.test.ts',
    },
    {
      name: 'any token is accepted',
      find: "checkProof(proof, this.#proofs.theirs, role, role === 'peer' ? 'node' : 'client')",
      replace: "if (role === 'peer') checkProof(proof, this.#proofs.theirs, role, 'node')",
      why: 'any client that sends a proof is accepted',
      caughtBy: HANDSHAKE,
    },
    {
      name: 'a client with a token trusts a node that asks for none',
      find: 'if (!isAsked)',
      replace: 'if (!isAsked && role === "peer")',
      why: 'an impostor asks for no token, and is believed',
      caughtBy: HANDSHAKE,
    },
    {
      name: 'any proof is accepted',
      find: 'if (equalSecrets(expected, shown))',
      replace: 'if (shown.length === expected.length)',
      why: 'a process without the cluster key becomes a member',
      caughtBy: HANDSHAKE,
    },
    {
      name: 'a proof fits every connection',
      find: 'hmacSha256(proofKey, [head, hello, welcome])',
      replace: 'hmacSha256(proofKey, [head])',
      why: 'a proof that was overheard is accepted again',
      caughtBy: 'test/unit/wire/handshake-proof.test.ts',
    },
    {
      name: 'the cluster key alone makes a member',
      find: 'return standing.otherRing(id, theirs) ?? notAMember(id)',
      replace: 'return standing.meet(id, theirs, [])',
      why: 'a node that was never added, or a second one under the same id, takes writes',
      caughtBy: 'test/unit/node/listeners/session-listener.test.ts',
    },
    {
      name: 'a member that was removed is served',
      find: 'if (session.node !== undefined && this.#node.membership.isGone(session.node))',
      replace: 'if (session.node === undefined)',
      why: 'an old copy of its disk brings back what it had',
      caughtBy: 'test/unit/node/cluster/membership.test.ts',
    },
    {
      name: 'a record is told before it is durable',
      find: 'if (this.#unwritten.size === 0) return message',
      replace: 'return message',
      why: 'all know a joiner, and after a crash its sponsor does not',
      caughtBy: 'test/unit/node/cluster/untold.test.ts',
    },
    {
      name: 'frames before the handshake may be of any length',
      find: 'new FramedConnection(connection, side, world, HANDSHAKE_FRAME_BYTES_MAX, this)',
      replace: 'new FramedConnection(connection, side, world, FRAME_BODY_BYTES_MAX, this)',
      why: 'strangers take memory before they have said who they are',
      caughtBy: HANDSHAKE,
    },
    {
      name: 'a handshake may take for ever',
      find: 'world.clock.after(HANDSHAKE_MS_MAX, () => this.#onLate())',
      replace: 'world.clock.after(1_000_000 * HANDSHAKE_MS_MAX, () => this.#onLate())',
      why: 'strangers who say nothing take all connections',
      caughtBy: HANDSHAKE,
    },
    {
      name: 'connections have no bound',
      find: 'if (this.#connections >= config.connectionsMax) {',
      replace: 'if (this.#connections < 0) {',
      why: 'strangers take all descriptors',
      caughtBy: 'test/unit/node/listeners/session-listener.test.ts',
    },
  ],
}
