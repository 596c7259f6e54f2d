/** Plants about donors, hints of former owners, and members that leave. */
import type { Plant } from './plant.ts'

const UNIT = 'test/unit'
const LEAVER = `${UNIT}/node/listeners/move-requests.test.ts`
const TAKINGS = `${UNIT}/node/background/takings.test.ts`
const DONOR = `${UNIT}/node/background/donor.test.ts`
const DELIVERY = `${UNIT}/dynamo/handoff/delivery.test.ts`
const DEPARTURE = `${UNIT}/node/background/departure.test.ts`
/** Where it is seen that not all that is known of tables is in force. */
export const PENDING: string =
  'if (!equalU64(rings.view.adopted.digest, table.digest)) ' +
  "{ return 'a table waits for members to adopt it' }"

export const DONORS: readonly Plant[] = [
  {
    name: 'a donor drops when one owner has taken',
    find: 'while (waiting.size > 0)',
    replace: 'while (waiting.size === gift.owners.length)',
    why: 'that owner may be lost next: the others never had the write',
    caughtBy: DONOR,
  },
  {
    name: 'a donor drops though the owners are others by then',
    find: 'return equalU64(stages.digestOf(partitions.map((one) => [one, n])), ring)',
    replace: 'return true',
    why: 'some of the present owners have not taken its copies',
    caughtBy: DONOR,
  },
  {
    name: 'a donor erases one after another what it owns again by then',
    find: 'this.#isSame(gift) ? undefined : object',
    replace: 'undefined',
    why: 'an owner that counts for R loses copies that were acknowledged',
    caughtBy: DONOR,
  },
  {
    name: 'a donor gives before its copies are counted',
    find: 'if (!trees.isBuilt) return; for (const n of trees.ns)',
    replace: 'for (const n of trees.ns)',
    why: 'it compares what it has not read, and drops what it never gave',
    caughtBy: DONOR,
  },
  {
    name: 'an exchange from before a donor asked counts',
    find: 'equalU64(known.attempt, attempt)',
    replace: 'known.attempt !== undefined',
    why: 'what the donor got since is dropped',
    caughtBy: TAKINGS,
  },
  {
    name: 'an exchange with a donor that failed counts',
    find: 'taking.isDone = isDone',
    replace: 'taking.isDone = true',
    why: 'the donor drops what was not taken',
    caughtBy: TAKINGS,
  },
  {
    name: 'an owner that has closed takes from donors',
    find: 'if (asked.partitions.some((one) => closings.isClosed(one, asked.n)))',
    replace: 'if (asked === null)',
    why: 'its filler does not hear of it, and counts as the one that took it',
    caughtBy: LEAVER,
  },
  {
    name: 'the hint of a former owner goes to one of the present ones',
    find: 'return owners.includes(place) ? [place] : owners',
    replace: 'return owners.includes(place) ? [place] : owners.slice(0, 1)',
    why: 'W counted it beside another owner: a read of the other two misses it',
    caughtBy: DELIVERY,
  },
  {
    name: 'a hint is kept for a member that owns the key no more',
    find: 'owners.includes(place) ? [place] : owners',
    replace: '[place]',
    why: 'no read asks that member for it',
    caughtBy: DELIVERY,
  },
  {
    name: 'a member goes with hints',
    find: "return hints.places.length > 0 ? 'it has hints for others' : undefined",
    replace: 'return undefined',
    why: 'W counted them',
    caughtBy: DEPARTURE,
  },
  {
    name: 'a member takes hints while it goes',
    find: 'hints.close()',
    replace: '',
    why: 'they go with it, a moment later',
    caughtBy: DEPARTURE,
  },
  {
    name: 'a member goes with copies that it has to give',
    find: "return donor.left > 0 ? 'this node gives copies away that it does not own' : undefined",
    replace: 'return undefined',
    why: 'no owner may have them',
    caughtBy: DEPARTURE,
  },
  {
    name: 'a member goes while a table is pending',
    find: PENDING,
    replace: '',
    why: 'the table may need it, or give it a place',
    caughtBy: DEPARTURE,
  },
  {
    name: 'a member goes while the end of its last move is written',
    find: 'const { table, left } = topology.stages',
    replace: 'const { table } = topology.stages; const { left } = rings.view.stages',
    why: 'no owner was offered the copies of that place',
    caughtBy: DEPARTURE,
  },
  {
    name: 'a move ends whichever table it was of',
    find: 'done === stage.done && equalU64(table.digest, stage.table.digest)',
    replace: 'done === stage.done',
    why: 'the new table counts a place as given over that nothing was asked of',
    caughtBy: 'test/unit/node/cluster/rings-kept.test.ts',
  },
]
