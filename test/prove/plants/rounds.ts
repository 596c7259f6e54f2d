/** Plants about rounds and floors: each rule of `test/model/floors` that the code must keep. */
import type { Plant } from './plant.ts'

const UNIT = 'test/unit'
const FLOOR = `${UNIT}/dynamo/repair/floor.test.ts`
const ROUND = `${UNIT}/dynamo/repair/round.test.ts`
const LATE = `${UNIT}/dynamo/repair/late.test.ts`
const FILE = `${UNIT}/store/rounds.test.ts`
const FLOORS = `${UNIT}/node/replica/floors.test.ts`
const NAMED = `${UNIT}/node/replica/named-starts.test.ts`
const REMEMBERED = `${UNIT}/node/replica/remembered.test.ts`
const MEMBER = `${UNIT}/node/background/round-member.test.ts`
const CATCH_UP = `${UNIT}/node/background/catch-up.test.ts`
const EXCHANGES = `${UNIT}/node/background/repairer.test.ts`
const CLEANER = `${UNIT}/node/background/cleaner.test.ts`
const SCENES = `${UNIT}/node/background/rounds.test.ts`
const VOID = `${UNIT}/node/background/rounds-void.test.ts`
const JOINED = `${UNIT}/node/cluster/joined.test.ts`
const LOST = `${UNIT}/node/background/rounds-lost.test.ts`

const LATENESS: readonly Plant[] = [
  {
    name: 'a late write is taken',
    find: 'if (!isLate(incoming, held, this.#state.closing)) return incoming;',
    replace: 'return incoming;',
    why: 'a value that was on its way comes back after its tombstone went',
    caughtBy: VOID,
  },
  {
    name: 'a late write is trimmed',
    find:
      "this.refused += 1; throw new OperatingError('write-late', 'the write is older " +
      "than a floor that was closed here');",
    replace: 'return broughtHome(incoming, held, [this.#state.closing]);',
    why: 'its context tells of a write that vanished, and takes what that had replaced',
    caughtBy: FLOORS,
  },
  {
    name: 'a hint is merged whole',
    find: 'return broughtHome(incoming, held, this.#floors)',
    replace: 'return incoming',
    why: 'one that is removed late brings a deleted value home',
    caughtBy: VOID,
  },
  {
    name: 'an emptied disk knows what was closed',
    find: 'const knowsClosed = this.#state.knowsClosed && !forgetsClosed;',
    replace: 'const knowsClosed = this.#state.knowsClosed;',
    why: 'it takes what it had refused before',
    caughtBy: FLOORS,
  },
  {
    name: 'what a copy does not carry is dead at one round',
    find: 'theirs.number < mine.number && isUnder(mine.floor',
    replace: 'theirs.number <= mine.number && isUnder(mine.floor',
    why: 'a silently lost record takes the other copies with it',
    caughtBy: LATE,
  },
  {
    name: 'the lower round keeps what it has',
    find: 'return joined(policy, without(held, isOutlived), taken)',
    replace: 'return joined(policy, held, taken)',
    why: 'a disk that was set back keeps deleted values',
    caughtBy: LATE,
  },
  {
    name: 'a tombstone is taken again',
    find:
      'if (held === undefined && taken !== undefined && isDone(taken, mine.floor)) ' +
      'taken = undefined;',
    replace: '',
    why: 'two owners give it back to each other for ever',
    caughtBy: LATE,
  },
  {
    name: 'what is not taken is known as replaced',
    find: 'const ranges = context.rangesWithout(gone.sort(compareDots))',
    replace: 'const ranges = context.ranges',
    why: 'the next merge takes a living write from the other owner',
    caughtBy: FLOOR,
  },
  {
    name: 'a tombstone goes whatever it replaced',
    find:
      'object.context.ranges.every(({ start, last }) => isUnder(floor, { start, ' +
      'counter: last }))',
    replace: 'true',
    why: 'what it replaced is above the floor, and comes back',
    caughtBy: FLOOR,
  },
]

const STEPS: readonly Plant[] = [
  {
    name: 'two rounds at once',
    find: 'if (part !== undefined && clock.now() < part.heardAtMs + ROUND_SILENCE_MS)',
    replace: 'if (part === null)',
    why: 'a member closes one and covers the other',
    caughtBy: MEMBER,
  },
  {
    name: 'a member that restarted goes on',
    find: 'if (part.start !== this.#node.replica.start)',
    replace: 'if (part === null)',
    why: 'it lost what the floor promises',
    caughtBy: MEMBER,
  },
  {
    name: 'an exchange with a member that restarted counts',
    find: 'if (part.starts.get(node) === start) part.exchanged.add(node)',
    replace: 'part.exchanged.add(node)',
    why: 'that one lost what it had before all closed',
    caughtBy: MEMBER,
  },
  {
    name: 'an exchange from before all had closed counts',
    find: 'if (part?.coverAtMs === undefined || beganAtMs < part.coverAtMs) return;',
    replace: 'if (part === undefined) return;',
    why: 'what came after it is missing here',
    caughtBy: MEMBER,
  },
  {
    name: 'a round is closed with hints',
    find: 'if (places.length > 0) return { isDone: false, waitsFor: places };',
    replace: '',
    why: 'a hint alone has a write that the floor says is everywhere',
    caughtBy: MEMBER,
  },
  {
    name: 'a round is closed unsynced',
    find: 'if (!(await this.#isSynced()))',
    replace: 'if (part === null)',
    why: 'a crash takes back what was counted',
    caughtBy: MEMBER,
  },
  {
    name: 'a round is covered without exchanges',
    find: 'if (waitsFor.length > 0) return { isDone: false, waitsFor };',
    replace: '',
    why: 'owners adopt a floor whose writes they lack',
    caughtBy: MEMBER,
  },
  {
    name: 'a part of what differed is all',
    find: 'from < TREE_LEAVES; from = this.#end',
    replace: 'from < 1; from = this.#end',
    why: 'a round is covered with branches that were not looked at',
    caughtBy: EXCHANGES,
  },
  {
    name: 'one other owner is enough to catch up',
    find: 'if (this.#missing.length > 0) return;',
    replace: '',
    why: 'the write is with the other one',
    caughtBy: CATCH_UP,
  },
  {
    name: 'what came before the disk was emptied counts',
    find: 'this.#rounds.clear(); await this.#node.replica.dropAll();',
    replace: 'await this.#node.replica.dropAll();',
    why: 'it went with the rest',
    caughtBy: CATCH_UP,
  },
  {
    name: 'a disk that is too old is merged',
    find: 'const isTooOld = floors.closed.closed < adopted.base;',
    replace: 'const isTooOld = false;',
    why: 'no floor holds its dots: deleted values come back',
    caughtBy: LOST,
  },
  {
    name: 'a start leaves the floor though a member has forgotten what it named',
    find: 'const mayLeave = openings.every(({ isNamingKnown }) => isNamingKnown)',
    replace: 'const mayLeave = true',
    why: 'messages with its dots are on their way',
    caughtBy: ROUND,
  },
]

const KEEPING: readonly Plant[] = [
  {
    name: 'a floor counts before it is durable',
    find: 'return this.#durable.adopted;',
    replace: 'return this.#state.adopted;',
    why: 'a crash takes it back, and not what went by it',
    caughtBy: FLOORS,
  },
  {
    name: 'a floor outlives its disk',
    find:
      'void this.#become({ ...this.#state, adopted: NO_ROUND, ' +
      'covered: undefined, knowsClosed })',
    replace: 'void this.#become({ ...this.#state, knowsClosed })',
    why: 'the member claims writes that it lost',
    caughtBy: FLOORS,
  },
  {
    name: 'a floor that is being written outlives its disk',
    find: 'if (losses === this.#losses) this.#durable = written;',
    replace: 'this.#durable = written;',
    why: 'the same, until the next write',
    caughtBy: FLOORS,
  },
  {
    name: 'what is covered is forgotten in a restart',
    find: "...(covered === undefined ? [] : roundLines('covered', covered))",
    replace: '',
    why: 'the owner that crashed before it adopted stays behind',
    caughtBy: FILE,
  },
  {
    name: 'a start is forgotten while its copies are counted',
    find: 'if (before !== undefined && isRead) this.#count(before, -1)',
    replace: 'if (before !== undefined) this.#count(before, -1)',
    why: 'the floor leaves out a start whose dots are here',
    caughtBy: NAMED,
  },
]

const LEAVING: readonly Plant[] = [
  {
    name: 'a key goes while its request is remembered',
    find: 'isDone(object, floors.adopted.floor) && !replica.isKept(object)',
    replace: 'isDone(object, floors.adopted.floor)',
    why: 'a repeated put writes the deleted value again',
    caughtBy: SCENES,
  },
  {
    name: 'ranges go unasked',
    find: 'const agreed = crowded.filter((one) => !refused.has(one))',
    replace: 'const agreed = crowded',
    why: 'another owner still carries their dots',
    caughtBy: SCENES,
  },
  {
    name: 'an owner that does not answer agrees',
    find: 'if (agrees[i] !== true) refused.add(one)',
    replace: 'if (agrees[i] === false) refused.add(one)',
    why: 'the same',
    caughtBy: SCENES,
  },
  {
    name: 'a request is forgotten too early',
    find: 'atMs + this.#memoryMs / STRETCHES + this.#memoryMs >= nowMs',
    replace: 'atMs + this.#memoryMs >= nowMs',
    why: 'its range goes while it may be repeated',
    caughtBy: REMEMBERED,
  },
  {
    name: 'the cleaner begins at the first leaf each time',
    find: 'this.#nextFrom(this.#next) ?? this.#nextFrom(0)',
    replace: 'this.#nextFrom(0)',
    why: 'keys that must wait keep it from all behind, as long as others are deleted',
    caughtBy: CLEANER,
  },
  {
    name: 'a copy that has rotted ends the look of the cleaner',
    find: 'await besideRot(query, (one) => engine.prefixes(one)).catch(',
    replace: 'await engine.prefixes(query).catch(',
    why: 'deleted keys beside it stay for ever',
    caughtBy: CLEANER,
  },
  {
    name: 'an owner asks for ranges before its copy is durable',
    find: 'if (!(await isAllDurable(replica))) return;',
    replace: '',
    why: 'a crash takes back what replaced their writes, and those come back to all',
    caughtBy: `${UNIT}/node/background/range-removal.test.ts`,
  },
  {
    name: 'ranges of contexts go though places have moved since the round',
    find: 'return !floors.areOfAdopted(topology.digest);',
    replace: 'return false;',
    why: 'a filler carries what the owners have replaced, and that comes back',
    caughtBy: `${UNIT}/node/background/range-removal.test.ts`,
  },
  {
    name: 'a round closes though a member has drawn a new start',
    find: 'await this.#stepAll({ ...stepOf(number, RoundStep.agree), starts });',
    replace: '',
    why: 'the floor may hold a start that lives as ended: all its puts are late for ever',
    caughtBy: VOID,
  },
  {
    name: 'a round is taken without a member that its opener does not know',
    find: 'if (other === undefined) return this.#inStart(part);',
    replace: 'return this.#inStart(part);',
    why: 'the start of a node that has just joined is held as ended: its puts are lost',
    caughtBy: MEMBER,
  },
  {
    name: 'rounds ask the members of the ring alone',
    find: 'return this.#node.topology.present.map(',
    replace: 'return this.#node.topology.ring.members.map(',
    why: 'while one member is outside of the ring no round ends: no delete goes',
    caughtBy: JOINED,
  },
  {
    name: 'a node that has joined knows of nothing that is too late',
    find: 'rounds: { ...NO_ROUNDS, knowsClosed: false }',
    replace: 'rounds: NO_ROUNDS',
    why: 'it takes a hint that all others refuse, and W counts it',
    caughtBy: JOINED,
  },
  {
    name: 'hints of a disk that was set back go at once',
    find: "this.#node.standing.state !== 'rebuilding' || this.#met.has(node)",
    replace: 'this.#met.size >= 0 || this.#met.has(node)',
    why: 'they may be of starts that no floor holds any more: what was deleted comes back',
    caughtBy: CATCH_UP,
  },
  {
    name: 'a fallback is sent the whole object',
    find: 'this.#sendObject(ask, isHint ? this.#alone : this.#object);',
    replace: 'this.#sendObject(ask, this.#object);',
    why: 'older siblings are late there: no fallback takes the put while owners are away',
    caughtBy: `${UNIT}/node/coordinator/hints-of-old-keys.test.ts`,
  },
  {
    name: 'an old delete that is sent again counts as a new one',
    find: 'if (!carries(held, dot)) this.#sentDeletes.add(dot, nowMs);',
    replace: 'this.#sentDeletes.add(dot, nowMs);',
    why: 'all later deletes of its start stay, as long as it is sent',
    caughtBy: REMEMBERED,
  },
  {
    name: 'the owners of a deleted key let it go at different times',
    find: 'this.liesIn(ranges, nowMs) || this.#sentDeletes.liesIn(ranges, nowMs)',
    replace: 'this.liesIn(ranges, nowMs)',
    why: 'their trees differ meanwhile, and each exchange asks for it again',
    caughtBy: SCENES,
  },
]

export const ROUNDS: readonly Plant[] = [...LATENESS, ...STEPS, ...KEEPING, ...LEAVING]
