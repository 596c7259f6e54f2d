/** Plants about buckets that are created at run time. */
import type { Plant } from './plant.ts'

const UNIT = 'test/unit'
const SET = `${UNIT}/dynamo/buckets/bucket-set.test.ts`
const USED = `${UNIT}/dynamo/ring/used-ns.test.ts`
const NODES = `${UNIT}/node/cluster/buckets.test.ts`
const MOVING = `${UNIT}/node/cluster/buckets-moves.test.ts`

export const BUCKETS: readonly Plant[] = [
  {
    name: 'the record of a bucket is taken at the highest version',
    find: '!records?.every((record) => this.#set.admits(record))',
    replace: 'records === undefined',
    why: 'the next rename ends the node',
    caughtBy: NODES,
  },
  {
    name: 'the first record of a bucket stays',
    find: 'return terms < others;\n    if (a.version !== b.version)',
    replace: 'return terms < others;\n    if (false)',
    why: 'nodes show a bucket under names of their own',
    caughtBy: SET,
  },
  {
    name: 'a record changes what a bucket is',
    find: 'if (terms !== others) return terms < others;',
    replace: '',
    why: 'its copies lie at other owners than its keys are looked for',
    caughtBy: SET,
  },
  {
    name: 'of two buckets of one name the one that was heard first has it',
    find: 'const sorted = [...records].toSorted((a, b) => (a.creation < b.creation ? -1 : 1));',
    replace: 'const sorted = [...records];',
    why: 'one name stands for different buckets at different nodes',
    caughtBy: SET,
  },
  {
    name: 'a second bucket of one name is not shown',
    find: 'shown.set(shown.has(record.name) ? exactName(record) : record.name, record)',
    replace: 'if (!shown.has(record.name)) shown.set(record.name, record)',
    why: 'its values are hidden',
    caughtBy: SET,
  },
  {
    name: 'buckets of the configuration are served whatever table is pending',
    find: 'return n === this.#defaultN || this.usedNs.has(n);',
    replace: 'return n !== undefined;',
    why: 'their owners change without a move when the table takes effect',
    caughtBy: MOVING,
  },
  {
    name: 'a refused bucket leaves its N in use',
    find: 'this.#checkRoom();\n        await this.#checkUnused(terms.createdAs, deadline);',
    replace:
      'this.#checkRoom();\n        await this.#checkUse(terms);\n' +
      '        await this.#checkUnused(terms.createdAs, deadline);',
    why: 'each table plans moves of an N that no bucket has',
    caughtBy: NODES,
  },
  {
    name: 'a table forgets an N that its operator did not know',
    find: 'const unnamed = before.ns.filter((n) => !table.ns.includes(n))',
    replace: 'const unnamed = [].filter((n) => !table.ns.includes(n))',
    why: 'new owners count at once, and lack what the former ones acknowledged',
    caughtBy: USED,
  },
  {
    name: 'an N comes into use while a table is pending',
    find: 'if (this.isFrozen) return this.#stated?.ns.includes(n) === true;',
    replace: '',
    why: 'the same: its statement was made without it',
    caughtBy: USED,
  },
  {
    name: 'rounds do not go by the N that are in use',
    find: 'hash ^= USED << n;',
    replace: 'hash ^= 0;',
    why: 'a floor covers writes of a tree that a member has not compared',
    caughtBy: USED,
  },
  {
    name: 'a name is given away from keys that were put under it',
    find: 'return hasRecords ? Held.records : Held.free;',
    replace: 'return Held.free;',
    why: 'acknowledged values are hidden without a word',
    caughtBy: NODES,
  },
  {
    name: 'an exact name stands for any bucket of that name',
    find: 'return known ?? unknown()',
    replace: 'return known ?? this.#defaults',
    why: 'a node that has not heard of it takes its writes for another bucket',
    caughtBy: NODES,
  },
  {
    name: 'a renamed bucket looks for its keys under its new name',
    find: 'bytes: utf8Bytes(createdAs), n, r, w, durability },',
    replace: 'bytes: utf8Bytes(record.name), n, r, w, durability },',
    why: 'its values are hidden by the rename',
    caughtBy: NODES,
  },
  {
    name: 'a context is sealed for the name of a bucket alone',
    find: 'return joinBytes([withLength(bucket), key, idBytes(bucketId.creation)]);',
    replace: "return joinBytes([withLength(bucket), key, idBytes('0'.repeat(16))]);",
    why: 'one of an older bucket replaces what it has not seen',
    caughtBy: NODES,
  },
  {
    name: 'buckets are not compared with members that connect',
    find: 'this.#buckets.onConnected(member);',
    replace: '',
    why: 'a member that was away takes their names for those of others',
    caughtBy: NODES,
  },
  {
    name: 'keys that a bucket hides are not told',
    find: 'this.#hidden.add(found)',
    replace: '',
    why: 'acknowledged values are hidden without a word',
    caughtBy: NODES,
  },
]
