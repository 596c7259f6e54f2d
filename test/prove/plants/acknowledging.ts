/** Plants about what an acknowledgement is worth: W machines, each with its bytes on the disk. */
import type { PlantGroup } from './plant.ts'

const DURABILITY = 'test/unit/node/coordinator/durability.test.ts'

export const ACKNOWLEDGING: PlantGroup = {
  name: 'acknowledging',
  plantsMin: 21,
  plants: [
    {
      name: 'ack before sync',
      find: 'void this.#node.engine.synced(sequence).then(',
      replace: 'void Promise.resolve().then(',
      why: 'a power cut of all machines loses acknowledged writes',
    },
    {
      name: 'ack of a peer before its sync',
      find: 'return whenHeld(replica, sequence, durability ?? Durability.always, (error) => {',
      replace: 'return [undefined].forEach((error) => {',
      why: 'one owner holds the write durably, and its disk is destroyed',
      caughtBy: DURABILITY,
    },
    {
      name: 'every bucket is acknowledged before the sync',
      find: 'durability === Durability.always || replica.writer.isBehind',
      replace: 'false',
      why: 'acknowledged writes are lost where a bucket promises that none is',
      caughtBy: DURABILITY,
    },
    {
      name: 'members acknowledge every bucket before the sync',
      find: 'durability ?? Durability.always, (error) => {',
      replace: '1, (error) => {',
      why: 'W is of machines that have synced the write',
      caughtBy: DURABILITY,
    },
    {
      name: 'durability of a bucket is not looked at',
      find: 'durability === Durability.always ||',
      replace: 'true ||',
      why: 'puts wait for disks where an operator said that they need not',
      caughtBy: DURABILITY,
    },
    {
      name: 'no sync begins where none is waited for',
      find: 'replica.whenSynced(sequence, () => { });',
      replace: '',
      why: 'an engine may begin a sync when it is waited for, and then has none for such writes',
      caughtBy: 'test/unit/node/replica/durable.test.ts',
    },
    {
      name: 'a write that says nothing of it counts before the sync',
      find: 'durability = Durability.always',
      replace: 'durability = Durability.interval',
      why: 'a monotonic get counts on repairs that a power cut takes back',
      caughtBy: 'test/unit/node/cluster/peer-calls.test.ts',
    },
    {
      name: 'a log that is far behind acknowledges all the same',
      find: '|| replica.writer.isBehind',
      replace: '',
      why: 'on a full or failed disk all that comes is acknowledged, and nothing of it is kept',
      caughtBy: 'test/unit/node/replica/durable.test.ts',
    },
    {
      name: 'a log that has failed is not behind',
      find: 'return hasFailed || unsyncedMs > UNSYNCED_MS_MAX;',
      replace: 'return unsyncedMs > UNSYNCED_MS_MAX;',
      why: 'a repeated put is acknowledged by nodes that will not keep it',
      caughtBy: 'test/unit/node/replica/behind.test.ts',
    },
    {
      name: 'one end excuses every lost write',
      find: 'const may = new Set(parts).size >= w;',
      replace: 'const may = parts.length > 0;',
      why: 'the simulator would not see that W machines held too little',
      caughtBy: 'test/sim/checkers-unsynced.test.ts',
    },
    {
      name: 'ack after one of W',
      find: 'if (this.held >= this.#terms.needed)',
      replace: 'if (this.held >= 1)',
      why: 'one destroyed disk loses acknowledged writes',
    },
    {
      name: 'a refusal counts as an ack',
      find: 'return this.#onCounted(ask, failure?.code)',
      replace: 'return this.#onCounted(ask, undefined)',
      why: 'an owner that is away counts towards W',
    },
    {
      name: 'the first machine left goes to the first owner',
      find: 'const isSpare = beside === undefined || surplus > 0',
      replace: 'const isSpare = beside === undefined || spare.length > 0',
      why: 'W machines live, and the put is in doubt',
      caughtBy: 'test/unit/dynamo/quorum/put-sloppy.test.ts',
    },
    {
      name: 'two members of one machine count as two',
      find: 'chosen.every((other) => other[what] !== member[what])',
      replace: 'chosen.every((other) => other !== member)',
      why: 'W copies lie on one machine; in the simulator each member has a machine of its own',
      caughtBy: 'test/unit/dynamo/ring/preference-list.test.ts',
    },
    {
      name: 'a write waits for the oldest group and not for its own',
      find: 'this.#groups[index - 1].last >= sequence',
      replace: 'this.#groups[index - 1].last > 0',
      why: 'a sync that began before the write does not cover it',
    },
    {
      name: 'a sync counts for what came after it began',
      find: 'this.#durable = group.last',
      replace: 'this.#durable = this.#sequence',
      why: 'records appended during the sync count as durable',
    },
    {
      name: 'a sync does not wait for the write before it',
      find: 'await file.write(part.position, part.bytes)',
      replace: 'void file.write(part.position, part.bytes)',
      why: 'it covers what was written, not what is about to be',
    },
    {
      name: 'a failed sync is tried again and believed',
      find: 'file.write(part.position, part.bytes); } await file.sync()',
      replace:
        'file.write(part.position, part.bytes); } await file.sync().catch(() => file.sync())',
      why: 'the second sync does not cover the pages that the first one lost',
    },
    {
      name: 'a failed sync is acknowledged',
      find: '(error) => done(isOperatingError(error) ? error : diskFailed(error))',
      replace: '() => done(undefined)',
      why: 'a record that the disk refused is counted towards W',
      caughtBy: 'test/unit/node/coordinator/put.test.ts',
    },
    {
      name: 'a write that the copy has already is acknowledged at once',
      find: 'if (object === held.object) return this.writer.lastSequence',
      replace: 'if (object === held.object) return 0',
      why: 'the append that brought it may not be durable; W holders seldom lose it just then',
      caughtBy: 'test/unit/node/replica/replica.test.ts',
    },
    {
      name: 'a repeated request is acknowledged at once',
      find: 'object: held.stored.object, sequence: this.writer.lastSequence',
      replace: 'object: held.stored.object, sequence: 0',
      why: 'its first attempt may not be durable; W holders seldom lose it in that instant',
      caughtBy: 'test/unit/node/replica/replica.test.ts',
    },
    {
      name: 'a repeated request is remembered after its write has rotted away',
      find: 'if (!object.context.covers(earlier)) return undefined',
      replace: '',
      why: 'the copy given back by others is acknowledged as if it held the write',
      caughtBy: 'test/unit/node/replica/replica.test.ts',
    },
  ],
}
