/** Plants about fallbacks and hints: what counts, what is read, delivered and removed. */
import type { Plant, PlantGroup } from './plant.ts'

const PAPER = 'test/paper/section-4-6.test.ts'
const READS = 'test/unit/node/coordinator/get-sloppy.test.ts'
const HINTS = 'test/unit/node/replica/hints.test.ts'

const COUNTING: readonly Plant[] = [
  {
    name: 'an owner and the hint for it count as two',
    find: '({ on, willBeOn }) => !machines.includes(on) && !machines.includes(willBeOn)',
    replace: '({ on }) => !machines.includes(on)',
    why: 'when the hint is delivered, one disk holds what W acknowledged',
    caughtBy: 'test/unit/dynamo/quorum/put-sloppy.test.ts',
  },
  {
    name: 'two hints on one machine count as two',
    find: 'for (const machine of new Set(hints.map(({ on }) => on)))',
    replace: 'for (const machine of hints.map(({ on }) => on))',
    why: 'one disk holds what W acknowledged',
    caughtBy: 'test/unit/dynamo/quorum/put-sloppy.test.ts',
  },
  {
    name: 'a fallback that holds nothing counts towards R',
    find: 'this.answered + this.#asked.filter(isHolding).length',
    replace: 'this.answered + this.#asked.filter(hasAnswered).length',
    why: 'the hint of another fallback is not waited for',
    caughtBy: 'test/unit/dynamo/quorum/get-sloppy.test.ts',
  },
  {
    name: 'a hint is a whole copy',
    find: 'isComplete: this.answered >= this.#needed',
    replace: 'isComplete: this.answered + this.#asked.filter(isHolding).length >= this.#needed',
    why: 'a read says that it is complete, and lacks what only owners hold',
    caughtBy: 'test/unit/dynamo/quorum/get-sloppy.test.ts',
  },
  {
    name: 'a fallback keeps its copy as its own',
    find: 'forOwner === undefined ? own : { ...own, place: forOwner }',
    replace: 'own',
    why: 'it is never handed over, and no read of the owners finds it',
    caughtBy: 'test/unit/node/coordinator/forward.test.ts',
  },
  {
    name: 'late owners have no fallbacks',
    find: 'this.#sendAll(this.#round.onLate())',
    replace: 'void this.#round',
    why: 'a put waits for owners that are paused, until its deadline',
    caughtBy: PAPER,
  },
  {
    name: 'only owners can begin a put',
    find: 'for (const member of fallbacks?.members ?? [])',
    replace: 'for (const member of [])',
    why: 'a put is refused while W machines live',
    caughtBy: PAPER,
  },
  {
    name: 'two members on one machine let a put begin',
    find: 'machines.add(machineIn(fallbacks, member))',
    replace: 'machines.add(member)',
    why: 'what could have been refused ends in doubt',
    caughtBy: 'test/unit/dynamo/quorum/put-sloppy.test.ts',
  },
  {
    name: 'a strict put has fallbacks',
    find: 'write.put.strict ? undefined : fallbacksOf(',
    replace: 'fallbacksOf(',
    why: 'its client reads at the owners, and misses it',
    caughtBy: 'test/unit/node/coordinator/put.test.ts',
  },
  {
    name: 'a node that coordinates for owners was not asked',
    find: 'this.#awaited.add(self)',
    replace: 'void self',
    why: 'a put that it has applied is told as refused when its time is up',
    caughtBy: 'test/unit/node/coordinator/forward-here.test.ts',
  },
]

const READING: readonly Plant[] = [
  {
    name: 'a fallback is asked for its own copy',
    find: 'hints ? replica.readHints(copy, call.room) : replica.read(copy, call.room)',
    replace: 'replica.read(copy, call.room)',
    why: 'what only fallbacks hold is not found',
    caughtBy: READS,
  },
  {
    name: 'silent owners never count as away',
    find: 'replica.isSilent = true',
    replace: 'void replica',
    why: 'a get waits for owners that are paused, until its deadline',
    caughtBy: READS,
  },
  {
    name: 'fallbacks are repaired as owners are',
    find: 'hasAnswered(replica) && !isFallback(replica) && !isCurrent(replica)',
    replace: 'hasAnswered(replica) && !isCurrent(replica)',
    why: 'a node that owns nothing of the key keeps a copy as its own, and no one removes it',
    caughtBy: 'test/unit/dynamo/quorum/get-sloppy.test.ts',
  },
  {
    name: 'a monotonic get does not wait for R owners',
    find: 'this.#read.monotonic === true && object !== undefined && lacking > 0',
    replace: 'false',
    why: 'the next get may return less',
    caughtBy: 'test/unit/node/coordinator/get-monotonic.test.ts',
  },
  {
    name: 'a client is told that every answer is complete',
    find: 'isComplete: answered >= needed',
    replace: 'isComplete: answered >= 0',
    why: 'it takes what is missing for deleted',
    caughtBy: READS,
  },
]

const DELIVERING: readonly Plant[] = [
  {
    name: 'a hint goes though its place took a write meanwhile',
    find: 'if (!delivery.mayGo) return undefined',
    replace: '',
    why: 'that write was acknowledged as held here',
    caughtBy: HINTS,
  },
  {
    name: 'what changed nothing is not counted as accepted',
    find: 'this.#hasAccepted = true',
    replace: 'void 0',
    why: 'the acknowledgement that removes the hint may be older than what it holds for',
    caughtBy: HINTS,
  },
  {
    name: 'a hint is removed when it is sent',
    find: 'const codes = await this.#refusalsOf(batch)',
    replace: 'const codes = await Promise.race([this.#refusalsOf(batch), batch.map(() => [])])',
    why: 'the member may never have got it',
    caughtBy: 'test/unit/node/background/courier.test.ts',
  },
  {
    name: 'a hint that is refused for its key ends the walk',
    find: 'const canGoOn = codes.flat().every((code) => OF_THE_KEY.has(code))',
    replace: 'const canGoOn = codes.flat().length === 0',
    why: 'one rotten copy keeps the hints for all other keys; simulated members mend theirs soon',
    caughtBy: 'test/unit/node/background/courier.test.ts',
  },
  {
    name: 'a delivery that failed is not begun again',
    find: 'this.#node.clock.after(AGAIN_MS, () => this.#busy.delete(place))',
    replace: 'void AGAIN_MS',
    why: 'the hint stays until the holder restarts, and old data comes back then',
    caughtBy: PAPER,
  },
  {
    name: 'hints are looked for once, at the start',
    find: 'this.#look();\n            this.begin()',
    replace: 'this.#look()',
    why: 'what comes later is delivered after the next restart alone',
    caughtBy: PAPER,
  },
  {
    name: 'a hint goes whose copy was refused',
    find: 'batch.filter((_, i) => codes[i]?.length === 0)',
    replace: 'batch.filter((_, i) => codes[i]?.length === 0 || codes.length > 1)',
    why: 'the answer is of many hints: one that its member did not take is nowhere any more',
    caughtBy: 'test/unit/node/background/courier.test.ts',
  },
  {
    name: 'hints that come home are answered before they are durable',
    find: 'whenSynced(taking.sequence, (error) => deliver(error ?? refusals))',
    replace: 'whenSynced(0, (error) => deliver(error ?? refusals))',
    why: 'the holder removes them, and the power of the member may go',
    caughtBy: 'test/unit/node/listeners/hints-home.test.ts',
  },
  {
    name: 'one hint that is refused refuses those after it',
    find: 'if (isFailure(sequence)) taking.refusals[index] = sequence.code',
    replace: 'if (isFailure(sequence)) taking.refusals.fill(sequence.code, index)',
    why: 'the holder keeps them, and one rotten copy keeps the hints for other keys',
    caughtBy: 'test/unit/node/listeners/hints-home.test.ts',
  },
  {
    name: 'a delivery does not rest',
    find: 'Math.min(REST_MS_MAX, tookMs * REST_SHARE_MAX, restMs)',
    replace: '0',
    why: 'requests of clients wait behind hints',
    caughtBy: 'test/unit/node/background/courier.test.ts',
  },
  {
    name: 'a delivery does not see that requests are slow',
    find: 'pass.pace.onBatch(tookMs, pacing.restMs(tookMs))',
    replace: 'pass.pace.onBatch(tookMs, 0)',
    why: 'only the queue of the member paces it',
    caughtBy: 'test/unit/node/background/courier.test.ts',
  },
  {
    name: 'hints have no bound',
    find: 'if (bytesOf(places) + bytes <= this.#bytesMax)',
    replace: 'if (places.length >= 0)',
    why: 'an outage fills the disk, and own writes are refused',
    caughtBy: HINTS,
  },
  {
    name: 'a full node drops hints and says that it has them',
    find: 'hints.admit(copy, bytes.length - (held.stored?.object.length ?? 0))',
    replace:
      'try { hints.admit(copy, bytes.length) }' +
      ' catch { return { object: bytes, sequence: this.lastSequence } }',
    why: 'a write that W machines acknowledged is on fewer',
    caughtBy: HINTS,
  },
  {
    name: 'a hint is sent before it is durable',
    find: '(await isAllDurable(this.#node.replica)) && (await this.#deliverBatches(page, pass))',
    replace: 'await this.#deliverBatches(page, pass)',
    why: 'what its member has and its holder loses would come back to the holder as new',
    caughtBy: 'test/unit/node/background/courier.test.ts',
  },
  {
    name: 'what a hint accepts while it is read is not noticed',
    find: 'if (!reading.mayGo) delivery.onAccepted()',
    replace: 'void reading',
    why: 'what was read is sent, and the hint removed with the newer write in it',
    caughtBy: 'test/unit/node/background/courier.test.ts',
  },
  {
    name: 'a node outside of the ring is no fallback',
    find: 'return isThere ? placement : besides(topology, placement)',
    replace: 'return placement',
    why: 'it is asked for a put that no owner takes, and cannot count its own copy',
    caughtBy: 'test/unit/node/cluster/joined.test.ts',
  },
]

export const HINTS_PLANTS: PlantGroup = {
  name: 'hints',
  plantsMin: 30,
  plants: [...COUNTING, ...READING, ...DELIVERING],
}
