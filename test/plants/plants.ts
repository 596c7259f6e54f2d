/**
 * Bugs that must be caught: each a small patch of the compiled code, with what catches it.
 *
 * `file` stands below `dist/src`; `find` must stand in it exactly once. Without `caughtBy` the
 * simulator must find it; where it cannot reach a bug, `caughtBy` names the test that does.
 */

/** The four that every simulator of such a store must find, and everything else. */
export type PlantKind =
  | 'ack-before-sync'
  | 'range-without-copy'
  | 'sibling-dropped'
  | 'two-merges-at-once'
  | 'acknowledging'
  | 'causality'
  | 'honesty'
  | 'storage'
  | 'repair'
  | 'wire'

export interface Plant {
  readonly name: string
  readonly kind: PlantKind
  readonly file: string
  readonly find: string
  readonly replace: string
  /** What is wrong with it. */
  readonly why: string
  /** A test file that must fail, where the simulator cannot tell. */
  readonly caughtBy?: string
}

const ACKNOWLEDGING: readonly Plant[] = [
  {
    name: 'ack before sync',
    kind: 'ack-before-sync',
    file: 'node/replica.js',
    find: 'void this.#parts.engine.synced(sequence).then(',
    replace: 'void Promise.resolve().then(',
    why: 'a power cut of all machines takes what was acknowledged',
  },
  {
    name: 'ack after one of W',
    kind: 'acknowledging',
    file: 'dynamo/quorum/quorum.js',
    find: 'if (this.#agreed >= this.#needed)',
    replace: 'if (this.#agreed >= 1)',
    why: 'one destroyed disk takes what was acknowledged',
  },
  {
    name: 'a refusal counts as an ack',
    kind: 'acknowledging',
    file: 'node/write.js',
    find: 'this.#onCounted(node, !isFailure(answer))',
    replace: 'this.#onCounted(node, true)',
    why: 'an owner that is away counts towards W',
  },
  {
    name: 'an owner counts twice',
    kind: 'acknowledging',
    file: 'dynamo/quorum/quorum.js',
    find: 'if (!this.#silent.delete(member))',
    replace: 'if (!this.#silent.delete(member) && !isAgreed)',
    why: 'W counts answers and not machines',
    caughtBy: 'test/unit/dynamo/quorum/quorum.test.ts',
  },
  {
    name: 'a failed sync is tried again and believed',
    kind: 'acknowledging',
    file: 'store/writer.js',
    find: 'await segment.file.sync();',
    replace: 'await segment.file.sync().catch(() => segment.file.sync());',
    why: 'the second sync says nothing about the pages that the first one lost',
    caughtBy: 'test/unit/node/write.test.ts',
  },
]

const CAUSALITY: readonly Plant[] = [
  {
    name: 'a start goes on after a crash',
    kind: 'range-without-copy',
    file: 'node/replica.js',
    find: 'this.#start = this.#newStart();\n    }',
    replace:
      'this.#start = parts.node; globalThis.leased = (globalThis.leased ?? 0) + 1e6; ' +
      'this.#counter = globalThis.leased;\n    }',
    why:
      'counters are leased and no dot is given twice, yet a line goes on over dots that a torn ' +
      'tail took and that live elsewhere: they count as replaced',
  },
  {
    name: 'dots are given twice after a crash',
    kind: 'range-without-copy',
    file: 'node/replica.js',
    find: 'start: this.#start,\n                counter: this.#nextCounter(),',
    replace:
      'start: this.#parts.node, counter: 1 + Math.max(0, ...(held.object?.context.ranges ?? [])' +
      '.filter((one) => one.node === this.#parts.node).map((one) => one.last)),',
    why: 'a counter a key, as vector clocks have: a torn tail takes it back, and it is used again',
    caughtBy: 'test/unit/node/replica.test.ts',
  },
  {
    name: 'a sibling is dropped in a merge',
    kind: 'sibling-dropped',
    file: 'dynamo/version/merge.js',
    find: 'const keptB = survivors(b, a);',
    replace: 'const keptB = survivors(b, a).slice(0, 1);',
    why: 'of two concurrent writes that arrive together one is forgotten',
  },
  {
    name: 'two merges of one key at once',
    kind: 'two-merges-at-once',
    file: 'node/replica.js',
    find: 'if (this.#busy.size > 0) {',
    replace: 'if (this.#busy.size > 1_000_000) {',
    why: 'where a copy is read from the disk, the second step starts from what the first replaced',
  },
  {
    name: 'a context is a maximum',
    kind: 'causality',
    file: 'dynamo/version/context.js',
    find: 'if (dot.counter < range.first || dot.counter > range.last)',
    replace: 'if (dot.counter > range.last)',
    why: 'it covers writes of the same line that its client never saw',
  },
  {
    name: "a put's context covers what its client never saw",
    kind: 'causality',
    file: 'node/write.js',
    find: '? seen.with(outcome.fresh)',
    replace: '? outcome.object.context',
    why: 'a client that goes on from its own put replaces siblings that it was not shown',
  },
  {
    name: 'a put without context overwrites',
    kind: 'causality',
    file: 'dynamo/version/put.js',
    find: 'if (seen.isEmpty)\n        return siblings;',
    replace: 'if (seen.isEmpty)\n        return [];',
    why: 'a blind write replaces what nobody saw',
  },
  {
    name: 'any context replaces everything',
    kind: 'causality',
    file: 'dynamo/version/put.js',
    find: 'sibling.dots.filter((dot) => !seen.covers(dot))',
    replace: 'sibling.dots.filter(() => false)',
    why: 'a write with an old context replaces what came after it',
  },
  {
    name: 'a later attempt is a write of its own',
    kind: 'causality',
    file: 'dynamo/version/put.js',
    find: 'if (earlier.length > 0) {',
    replace: 'if (earlier.length > 1_000) {',
    why: 'one request stands twice in one object',
  },
  {
    name: 'forwarding draws a request id of its own',
    kind: 'causality',
    file: 'node/forward.js',
    find: 'const put = { ...this.#request.put,',
    replace:
      'const put = { ...this.#request.put, requestId: this.#request.put.requestId.map(' +
      '(byte, i) => byte + i + this.#untried.length),',
    why: 'two owners that both took one put leave two siblings',
  },
  {
    name: 'a context serves for any key',
    kind: 'causality',
    file: 'dynamo/version/context-seal.js',
    find: 'if (!isOfThisKey)',
    replace: 'if (!isOfThisKey && bytes.length === 0)',
    why: 'the context of one key erases writes of another',
  },
]

const HONESTY: readonly Plant[] = [
  {
    name: 'running out of time is called refused',
    kind: 'honesty',
    file: 'node/write.js',
    find: "return new OperatingError('write-in-doubt', `${this",
    replace: "return new OperatingError('replicas-short', `${this",
    why: 'a write that was reported as refused appears later',
  },
  {
    name: 'a lost connection is called refused',
    kind: 'honesty',
    file: 'base/errors.js',
    find: "'connection-lost': inDoubt(111),",
    replace: "'connection-lost': retryable(111),",
    why: 'the request may have arrived before the connection was lost',
  },
  {
    name: 'the client forgets a doubt',
    kind: 'honesty',
    file: 'client/calls.js',
    find: "const certainty = call.isInDoubt ? 'in-doubt' : 'refused';",
    replace: 'const certainty = failure.certainty;',
    why: 'the last attempt was refused, and an earlier one may have been applied',
  },
]

const STORAGE: readonly Plant[] = [
  {
    name: 'no sync of the directory after a segment is named',
    kind: 'storage',
    file: 'store/files.js',
    find: 'present = name;\n        await directory.sync();',
    replace: 'present = name;',
    why: 'a power cut forgets the name, and with it what was acknowledged',
  },
  {
    name: 'what recovery accepted is not copied',
    kind: 'storage',
    file: 'store/open-log.js',
    find: 'await copyBatch(parts, accepted.slice(start, i + 1));',
    replace: 'void start;',
    why: 'what was synced and acknowledged last is cut off with the torn tail',
  },
  {
    name: 'a record vouches for itself',
    kind: 'storage',
    file: 'store/writer.js',
    find: 'offset, sequence, this.#durable, bucket',
    replace: 'offset, sequence, sequence - 1, bucket',
    why: 'a torn tail counts as rot, and a key as unreadable',
  },
  {
    name: 'the torn tail is left where it is',
    kind: 'storage',
    file: 'store/open-log.js',
    find: 'await segment.file.truncate(end);',
    replace: 'void end;',
    why: 'at the next start it stands below what is durable, and looks like rot',
  },
  {
    name: 'the torn end of the log is believed',
    kind: 'storage',
    file: 'store/recovery.js',
    find: 'if (found.sequence <= this.#durable)\n            return this.#apply(found);',
    replace: 'if (found.sequence > 0)\n            return this.#apply(found);',
    why: 'records above a gap are kept whose neighbours are gone',
    caughtBy: 'test/unit/store/recovery.test.ts',
  },
]

const REPAIR: readonly Plant[] = [
  {
    name: 'what a peer brings overwrites',
    kind: 'repair',
    file: 'node/replica.js',
    find: 'held.object === undefined ? incoming : merge(held.object, incoming);',
    replace: 'incoming;',
    why: 'a copy replaces what it had not heard of',
  },
  {
    name: 'nobody is repaired',
    kind: 'repair',
    file: 'node/read.js',
    find: 'this.#repair(outcome.object, outcome.behind);',
    replace: 'void outcome.behind;',
    why: 'replicas that missed a write never get it',
  },
  {
    name: 'a differing digest is taken for agreement',
    kind: 'repair',
    file: 'dynamo/quorum/get.js',
    find: 'return a.hi === b.hi && a.lo === b.lo;',
    replace: 'return true;',
    why: 'a read shows one copy where two differ, and repairs nothing',
  },
]

const WIRE: readonly Plant[] = [
  {
    name: 'an answer goes to the oldest call of its kind',
    kind: 'wire',
    file: 'wire/asker.js',
    find: 'const call = this.#calls.get(callId);',
    replace:
      'const call = [...this.#calls.values()].find((one) => REQUEST_KINDS[one.kind] + REPLY ' +
      '=== kind) ?? this.#calls.get(callId);',
    why: 'answers may come in any order',
  },
]

export const PLANTS: readonly Plant[] = [
  ...ACKNOWLEDGING,
  ...CAUSALITY,
  ...HONESTY,
  ...STORAGE,
  ...REPAIR,
  ...WIRE,
]
