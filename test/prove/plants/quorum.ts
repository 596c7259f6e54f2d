/** Plants about asking others: reads, repair, peers that come and go. */
import type { PlantGroup } from './plant.ts'

export const QUORUM: PlantGroup = {
  name: 'quorum',
  plantsMin: 14,
  plants: [
    {
      name: 'a scan leaves out a key whose copy has rotted',
      find: 'if (!areRead(readings, token, query.bucket)) {',
      replace: 'if (readings.length < 0) {',
      why: 'an owner that could not look counts as one that holds nothing; workloads do not scan',
      caughtBy: 'test/unit/node/coordinator/scan.test.ts',
    },
    {
      name: 'an owner does not learn what a put of all seen replaces',
      find: 'const contexts = [seal.seal(copy, seen)]',
      replace: 'const contexts = put.contexts',
      why: 'siblings that were to be replaced stay: none is lost, so the simulator does not object',
      caughtBy: 'test/unit/node/coordinator/forward.test.ts',
    },
    {
      name: 'what a peer brings overwrites',
      find: 'return this.#keep(copy, held, joined(policy, held.object, taken))',
      replace: 'return this.#keep(copy, held, taken ?? held.object)',
      why: 'a copy replaces what it had not heard of',
    },
    {
      name: 'read repair is left out',
      find: 'this.#repair(object, behind)',
      replace: 'void behind',
      why: 'replicas that missed a write never get it',
    },
    {
      name: 'a copy that lacks the key is not behind',
      find: 'hasAnswered(replica) && !isFallback(replica)',
      replace: 'isHolding(replica) && !isFallback(replica)',
      why: 'a replica that lost all never gets it back',
    },
    {
      name: 'a differing digest is taken for agreement',
      find: "state.kind === 'digest' && !isHad(replicas, state.digest)",
      replace: "state.kind === 'digest' && replicas.every((one) => one.state.kind !== 'object')",
      why: 'a read shows one copy where two differ, and repairs nothing',
    },
    {
      name: 'one answer is enough for any R',
      find: 'if (this.answered >= this.#needed) return this.#answer()',
      replace: 'if (this.answered >= 1) return this.#answer()',
      why: 'a read need not meet the write that was acknowledged before it',
    },
    {
      name: 'a read shows the first of the copies that differ',
      find: 'object === undefined ? state.object : mergeUnder(policy, object, state.object)',
      replace: 'object ?? state.object',
      why: 'siblings of the other copies are not shown, and not repaired',
      // Exchanges make copies equal: what one get leaves out the simulator does not see.
      caughtBy: 'test/unit/dynamo/quorum/get.test.ts',
    },
    {
      name: 'an owner that fails says that nothing is there',
      find: 'if (isFailure(answer)) return failedAnswer(answer)',
      replace: 'if (isFailure(answer)) return ABSENT',
      why: 'with too few owners a read succeeds, and shows less than was acknowledged',
    },
    {
      name: 'a lost peer is not sought again',
      find: 'this.#timer = clock.after(delayMs, () => this.open())',
      replace: 'void delayMs',
      why: 'one broken connection takes a member away for ever',
    },
    {
      name: 'nodes that know different owners talk',
      find: 'if (equalU64(call.request.ring, here))',
      replace: 'if (here !== undefined)',
      why: 'they disagree about the owners of a key',
      caughtBy: 'test/unit/node/coordinator/put.test.ts',
    },
    {
      name: 'a get takes no notice of its receipts',
      find: 'const round = new GetRound(policy, ordered, read.needed, fallbacks, coverageOf(read))',
      replace: 'const round = new GetRound(policy, ordered, read.needed, fallbacks)',
      why: 'a session is shown less than it has put',
    },
    {
      name: 'any line of a start covers the dot of a receipt',
      find: 'const isOfLine = range.start === start && range.opened === opened',
      replace: 'const isOfLine = range.start === start',
      why: 'a copy without the write passes for one with it; two lines of a key are rare',
      caughtBy: 'test/unit/dynamo/version/receipt.test.ts',
    },
    {
      name: 'explain tells what is not durable yet',
      find: 'await this.#engine.synced(this.writer.lastSequence); return outlines',
      replace: 'return outlines',
      why: 'durable says that an owner holds what a power cut takes from it',
      caughtBy: 'test/unit/node/replica/replica.test.ts',
    },
    {
      name: 'merges are bounded as puts are, in siblings',
      find: 'if (object === held.object) return this.writer.lastSequence',
      replace:
        'if (object === held.object) return this.writer.lastSequence; ' +
        'if (object?.siblings.length > 64) throw tooLarge()',
      why: 'a copy that was behind can never catch up; simulated keys have few siblings',
      caughtBy: 'test/unit/node/replica/merge-bounds.test.ts',
    },
    {
      name: 'merges are bounded as puts are, in bytes',
      find: 'length > OBJECT_MERGED_BYTES_MAX',
      replace: 'length > 16 * 1024 * 1024',
      why: 'a copy that was behind can never catch up; simulated values are small',
      caughtBy: 'test/unit/dynamo/version/object-bytes.test.ts',
    },
    {
      name: 'a key has no room for the ranges of a hundred owners',
      find: 'RANGES_PER_PUT_MAX = 512',
      replace: 'RANGES_PER_PUT_MAX = 64',
      why: 'while places move no round makes room, and the key takes no write any more',
      caughtBy: 'test/unit/dynamo/version/put.test.ts',
    },
    {
      name: 'a put is refused by an owner without a line',
      find: "own.code !== 'context-full'",
      replace: 'own.code',
      why: 'a client that reaches that owner alone cannot write, though another owner could',
      caughtBy: 'test/unit/node/coordinator/context-full.test.ts',
    },
  ],
}
