/** Plants about tables and the moves of places. */
import { DONORS, PENDING } from './donors.ts'
import { LIES } from './lies.ts'
import type { Plant } from './plant.ts'

const UNIT = 'test/unit'
const VIEW = `${UNIT}/dynamo/ring/ring-view.test.ts`
const NEWS = `${UNIT}/dynamo/ring/ring-view-news.test.ts`
const LISTS = `${UNIT}/dynamo/ring/staged-lists.test.ts`
const PUT = `${UNIT}/dynamo/quorum/put-ring-differs.test.ts`
const KEPT = `${UNIT}/node/cluster/rings-kept.test.ts`
const CLOSINGS = `${UNIT}/node/cluster/closings.test.ts`
const OPENNESS = `${UNIT}/node/replica/openness.test.ts`
const SCAN = `${UNIT}/node/coordinator/scan-moved.test.ts`
const LEAVER = `${UNIT}/node/listeners/move-requests.test.ts`
const MOVER = `${UNIT}/node/background/mover.test.ts`
const AT_ONCE = `${UNIT}/node/cluster/commits-at-once.test.ts`
const ROUNDS = `${UNIT}/node/cluster/moves-rounds.test.ts`

const TABLES: readonly Plant[] = [
  {
    name: 'a table that is taken back takes its partitions with it',
    find: 'inEffect.ring.split(adopted.ring.bits)',
    replace: 'inEffect.ring',
    why: 'where that had taken effect meanwhile, members never agree on a table again',
    caughtBy: NEWS,
  },
  {
    name: 'an operator whose table gave way is told that it is in effect',
    find: "if (equalU64(inEffect.digest, planned))\n        return 'in effect';",
    replace: "if (inEffect.number > 1)\n        return 'in effect';",
    why: 'the operator does not commit again, though another table has undone the change',
    caughtBy: AT_ONCE,
  },
  {
    name: 'a table that gives way to another one is not recorded',
    find: 'if (isSame || isChild || newer > number + 1)',
    replace: 'if (isSame || isChild || newer >= number)',
    why: 'the operator of a half of the cluster never learns of it',
    caughtBy: AT_ONCE,
  },
  {
    name: 'a table is taken at the highest number',
    find: 'news === undefined || !this.view.admits(news)',
    replace: 'news === undefined',
    why: 'no further table can be committed, and a plan ends the node',
    caughtBy: KEPT,
  },
  {
    name: 'a place that has gone and come back is named as if it had stayed',
    find: 'ownersDigest(owners, moved, this.stages.table.without)',
    replace: 'ownersDigest(owners, 0, this.stages.table.without)',
    why: 'a read counts an answer from before together with one from after, and misses a write',
    caughtBy: 'test/unit/dynamo/ring/staged-lists.test.ts',
  },
  {
    name: 'a table counts the moves of its partitions from none on',
    find: 'const moved = (base.moved[partition] + done)',
    replace: 'const moved = (0 + done)',
    why: 'the same',
    caughtBy: 'test/unit/dynamo/ring/stages.test.ts',
  },
  {
    name: 'the end of a move that was said on a lost disk is heard later',
    find: 'return !this.#isForNewDisk && this.#stages.takeAll(stages)',
    replace: 'return this.#stages.takeAll(stages)',
    why: 'some members go by owners that have moved, and others by a table without that move',
    caughtBy: NEWS,
  },
  {
    name: 'a table is in effect when one member has not adopted it',
    find: 'if (!this.isFrozen || this.missing.length > 0 ||',
    replace: 'if (!this.isFrozen || this.missing.length > 1 ||',
    why: 'that one still ends moves of the older table',
    caughtBy: VIEW,
  },
  {
    name: 'an adoption is told before it is durable',
    find: 'const seen = [...this.#seen].toSorted()',
    replace: 'const seen = [...this.#seen, this.#options.self].toSorted()',
    why: 'a crash takes it back, and the member ends moves of the older table',
    caughtBy: NEWS,
  },
  {
    name: 'a member tells of a table that is not what it wrote down',
    find: 'if (compareTables(adopted, this.#adopted) !== 0) return;',
    replace: '',
    why: 'the same, where it adopts while it writes',
    caughtBy: NEWS,
  },
  {
    name: 'a table begins from what the first member stated',
    find: 'this.#newest = newerStages(this.#newest, stated)',
    replace: 'this.#newest ??= stated',
    why: 'a move that is done is undone, and its leaver has closed',
    caughtBy: VIEW,
  },
  {
    name: 'a lower table replaces one of the same parent',
    find: 'if (compareTables(adopted, this.#adopted) > 0) {',
    replace: 'if (compareTables(adopted, this.#adopted) !== 0) {',
    why: 'members state stages for two tables, and both take effect',
    caughtBy: NEWS,
  },
  {
    name: 'a member on another disk states once more',
    find: 'if (this.isFrozen && this.#mayState)',
    replace: 'if (this.isFrozen)',
    why: 'what it stated on the lost one is forgotten: the table has two bases',
    caughtBy: VIEW,
  },
  {
    name: 'a member that is named as dead states',
    find:
      'return this.#adopted.needed.has(this.#options.self) && ' +
      'this.#isMadeForDisk(this.#adopted)',
    replace: 'return this.#isMadeForDisk(this.#adopted)',
    why: 'some begin from its stage, and others do not hear of it',
    caughtBy: NEWS,
  },
  {
    name: 'a node uses and tells a stage before it is durable',
    find: 'if (directory !== undefined) await writeRing(directory, kept)',
    replace: 'if (directory !== undefined) void writeRing(directory, kept)',
    why: 'after a crash it acknowledges for the owners of before',
    caughtBy: KEPT,
  },
  {
    name: 'a move has ended before that is durable',
    find: 'return this.#save() } /** What another member says',
    replace: 'void this.#save(); return true } /** What another member says',
    why: 'after a crash two members take its writes',
    caughtBy: KEPT,
  },
  {
    name: 'a move ends after a newer table was adopted',
    find: 'if (this.isFrozen || this.view.isOnOtherDisk || !moves.every(mayEnd)) return false',
    replace: 'if (this.view.isOnOtherDisk || !moves.every(mayEnd)) return false',
    why: 'the newer table begins from owners of before the move',
    caughtBy: KEPT,
  },
  {
    name: 'a member on another disk ends moves of the table that was made for the lost one',
    find: 'if (this.isFrozen || this.view.isOnOtherDisk || !moves.every(mayEnd)) return false',
    replace: 'if (this.isFrozen || !moves.every(mayEnd)) return false',
    why: 'on the old disk it may have stated that they had not ended',
    caughtBy: KEPT,
  },
  {
    name: 'a member on another disk acknowledges for places that it gave away on the lost one',
    find: 'if (!this.isOnOtherDisk) return false',
    replace: 'return false',
    why: 'the new owner and another answer a read without what it took',
    caughtBy: VIEW,
  },
  {
    name: 'a request does not name which of its owners are dead',
    find: 'owners.map((id) => (dead.includes(id) ? `${id} dead` : id))',
    replace: 'owners',
    why: 'others count the dead one, whose place is filled without it',
    caughtBy: LISTS,
  },
  {
    name: 'a request about several keys names the first alone',
    find: 'for (const one of digests) {',
    replace: 'for (const one of [...digests].slice(0, 1)) {',
    why: 'keys are taken of which others are the owners',
    caughtBy: LISTS,
  },
  {
    name: 'a request names owners of before their move',
    find: 'const digest = ownersDigest(owners, moved, this.stages.table.without)',
    replace: 'const digest = ownersDigest([], 0, this.stages.table.without)',
    why: 'requests of an older stage are taken: owners of before and after acknowledge',
    caughtBy: LISTS,
  },
  {
    name: 'a filler is an owner',
    find: '{ ownerIds: owners, fallbackIds, filler, machineOf, done, digest }',
    replace:
      '{ ownerIds: filler === undefined ? owners : [...owners, filler], fallbackIds, filler, ' +
      'machineOf, done, digest }',
    why: 'it counts for W and R with a copy that is not filled',
    caughtBy: LISTS,
  },
  {
    name: 'a request of another stage is taken',
    find: 'if (equalU64(call.request.ring, here)) return false',
    replace: 'return false',
    why: 'a former owner acknowledges writes that no reader asks it for',
    caughtBy: `${UNIT}/node/listeners/ring-differs.test.ts`,
  },
]

const HANDING_OVER: readonly Plant[] = [
  {
    name: 'a leaver that has closed takes writes',
    find: 'return !mayHaveGiven(n, partition) && !closings.isClosed(partition, n)',
    replace: 'return !mayHaveGiven(n, partition)',
    why: 'its filler has asked for all by then: the write is lost',
    caughtBy: CLOSINGS,
  },
  {
    name: 'a closed place takes a put that its coordinator makes there',
    find: 'if (isOwn(copy)) this.#requireOpen(copy)',
    replace: '',
    why: 'it was checked as the put began, and appends after the close',
    caughtBy: OPENNESS,
  },
  {
    name: 'a closed place takes what another member sends',
    find: "if (isOwn(copy) && arrival !== 'asked') this.#requireOpen(copy)",
    replace: '',
    why: 'the same, for a write that waited for its key',
    caughtBy: OPENNESS,
  },
  {
    name: 'a closed place is read',
    find: 'this.#requireWhole(); this.#requireOpen(copy) }',
    replace: 'this.#requireWhole() }',
    why: 'it misses writes that its filler counts by then',
    caughtBy: OPENNESS,
  },
  {
    name: 'a member that is named as dead counts',
    find: 'if (!topology.owns(copy) || isNamedDead()) return false',
    replace: 'if (!topology.owns(copy)) return false',
    why: 'it lives: a write counts there, and the others fill its place without it',
    caughtBy: CLOSINGS,
  },
  {
    name: 'a leaver ends a move that it has not closed',
    find: 'const closing = closings.of(attempt)',
    replace: 'const closing = closings.of(attempt) ?? { n, partitions, isWhole: true }',
    why: 'what it accepted since its filler asked is lost; so does one that has restarted',
    caughtBy: LEAVER,
  },
  {
    name: 'a leaver ends other moves than it has closed',
    find: '&& closing.partitions.join() === partitions.join()',
    replace: '',
    why: 'the same',
    caughtBy: LEAVER,
  },
  {
    name: 'a leaver hands over to any member',
    find: 'return leaver === topology.self.id && filler === from',
    replace: 'return leaver === topology.self.id',
    why: 'the filler becomes an owner, and another member has the copies',
    caughtBy: LEAVER,
  },
  {
    name: 'a leaver opens while the end of its move is written',
    find: 'closings.hold(attempt)',
    replace: '',
    why: 'it accepts writes, and is no owner a moment later',
    caughtBy: LEAVER,
  },
  {
    name: 'a place stays closed for a filler that is gone',
    find: 'this.#clock.after(CLOSED_MS_MAX, () => this.open(attempt))',
    replace: 'this.#clock.after(CLOSED_MS_MAX, () => attempt)',
    why: 'it answers nothing until it restarts',
    caughtBy: LEAVER,
  },
  {
    name: 'a leaver that is not whole hands over as if it were',
    find: 'isFilled: closing.isWhole',
    replace: 'isFilled: true',
    why: 'the new owner answers "nothing here" for what that disk had lost',
    caughtBy: LEAVER,
  },
  {
    name: 'a place that was not handed over whole counts for reads',
    find: 'return !isNext || !stage.isFilled',
    replace: 'return !isNext',
    why: 'the same',
    caughtBy: `${UNIT}/dynamo/ring/unfilled.test.ts`,
  },
  {
    name: 'a member forgets that it may lack copies of its new place',
    find: "if (mayLack) { standing.lose('damaged')",
    replace: "if (mayLack && topology === null) { standing.lose('damaged')",
    why: 'it is an owner, and whole, before it knows better',
    caughtBy: KEPT,
  },
  {
    name: 'a filler does not exchange after the close',
    find: 'const rest = await this.#exchange(leaver, batch, true)',
    replace: 'const rest = undefined',
    why: 'what came between its exchange and the close is lost',
    caughtBy: MOVER,
  },
  {
    name: 'a leaver that has restarted meanwhile has handed over',
    find: "if (after.start !== before.start || replica.start !== own) return 'round-left'",
    replace: '',
    why: 'what it told before may be gone there, and not durable here',
    caughtBy: MOVER,
  },
  {
    name: "a dead member's place is filled by one owner",
    find: 'for (const node of this.#countingOwners(stages)) {',
    replace: 'for (const node of [...this.#countingOwners(stages)].slice(0, 1)) {',
    why: 'the write is with the other one',
    caughtBy: MOVER,
  },
  {
    name: 'an owner that knows other owners gets a hint',
    find: 'if (code === KNOWS_OTHERS) return false',
    replace: '',
    why: 'it counts for W, and readers go to the owners of then',
    caughtBy: PUT,
  },
  {
    name: 'fallbacks are chosen anew for an owner that knows other owners',
    find: '!isHopeful(copy) && copy.code !== KNOWS_OTHERS',
    replace: '!isHopeful(copy)',
    why: 'the same',
    caughtBy: PUT,
  },
  {
    name: 'rounds go on while places move',
    find: "if (left > 0) return 'places are being moved'",
    replace: '',
    why: 'a floor is adopted for copies that are on their way: what was deleted comes back',
    caughtBy: ROUNDS,
  },
  {
    name: 'rounds go on while a table is pending',
    find: PENDING,
    replace: '',
    why: 'the same',
    caughtBy: ROUNDS,
  },
]

const SCANNING: readonly Plant[] = [
  {
    name: 'a page of a scan asks former owners, and names those of now',
    find: 'const stretch = stretchFrom(topology.lists, from, properties)',
    replace:
      'const stretch = stretchFrom((page.lists ??= topology.lists), from, properties); ' +
      'stretch.ring = topology.lists.digestOfRange({ from, to: stretch.to, n })',
    why: 'they find no difference, and list as empty what they have given away',
    caughtBy: SCAN,
  },
  {
    name: 'a member lists what it does not own',
    find: 'if (!topology.ownsAll(first, last, n) || isNamedDead()) return false',
    replace: 'if (isNamedDead()) return false',
    why: 'it has dropped its copies, and its empty page counts for R',
    caughtBy: CLOSINGS,
  },
  {
    name: 'a member lists what it has given away while it read',
    find: ': engine.prefixes(query)); if (!isOpen(range)) throw handedOver()',
    replace: ': engine.prefixes(query))',
    why: 'it drops its copies before it has read them all',
    caughtBy: OPENNESS,
  },
]

const APART: readonly Plant[] = [
  {
    name: 'members count as machines where these are several, and too few for the largest N',
    find: 'named.count === 1 && hasMixed(members)',
    replace: 'hasMixed(members)',
    why: 'both copies of a bucket with N = 2 are on one of four machines',
    caughtBy: `${UNIT}/dynamo/ring/claim.test.ts`,
  },
  {
    name: 'a table puts two copies of a key on one machine',
    find:
      'this.#repeatsWith(slot, member, machineOf) <= this.#repeats.machines &&' +
      ' this.#repeatsWith(slot, member, zoneOf) <= this.#repeats.zones',
    replace: 'true',
    why: 'one machine that fails takes both',
    caughtBy: 'test/sim/checkers-owners.test.ts',
  },
]

export const MOVES: readonly Plant[] = [
  ...TABLES,
  ...HANDING_OVER,
  ...APART,
  ...DONORS,
  ...SCANNING,
  ...LIES,
]
