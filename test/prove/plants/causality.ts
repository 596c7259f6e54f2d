/** Plants about which value is newer: dots, lines, contexts, merges. */
import type { Plant, PlantGroup } from './plant.ts'

const LINES: readonly Plant[] = [
  {
    name: 'a line goes on over dots that a crash took',
    find: 'this.#start = this.#draw(); }',
    replace:
      "this.#start = '0123456789abcdef'; globalThis.leased = (globalThis.leased ?? 0) + 1e6; " +
      'this.#counter = globalThis.leased; }',
    why:
      'counters are leased and no dot is given twice, yet a torn tail took dots of the line that ' +
      'other owners acknowledged: they count as replaced',
  },
  {
    name: 'a node that forgot its copy goes on in its old line',
    find: 'const tail = openTail(note, before.context, request)',
    replace:
      'const tail = before.context.ranges.findLast((range) => range.node === request.node) ?? ' +
      'openTail(note, before.context, request); ' +
      'globalThis.leased = (globalThis.leased ?? 0) + 1; ' +
      'if (tail !== undefined) request = { ...request, counter: tail.last + globalThis.leased };',
    why:
      'it knows the line from others, who need not hold all of it: what they lack counts as ' +
      'replaced. So would a fallback that wrote, handed off, forgot, and writes again',
  },
  {
    name: 'dots are given twice after a crash',
    find: 'start: this.#dots.start, counter: this.#dots.nextCounter(),',
    replace:
      'start: this.#node.node, counter: 1 + Math.max(0, ...[' +
      '...(held.object?.context.ranges ?? []), ...request.seen.ranges].filter(' +
      '(one) => one.node === this.#node.node).map((one) => one.last)),',
    why: 'a counter a key, as vector clocks have: a torn tail takes it back, and it is used again',
  },
  {
    name: 'starts are not told apart',
    find: 'theirs.context.covers(dot) && !isCarried(dot)',
    replace:
      'theirs.context.ranges.some((one) => one.node === dot.node && ' +
      'one.first <= dot.counter && dot.counter <= one.last) && !isCarried(dot)',
    why: 'each start counts from one: its dots are taken for those of an earlier one',
  },
  {
    name: 'a context is a maximum',
    find: 'if (dot.counter < range.first || dot.counter > range.last) continue',
    replace: 'if (dot.counter > range.last) continue',
    why: 'it covers writes of the same line that its client never saw',
  },
  {
    name: 'a context keeps its last ten ranges',
    find: 'return new Context(joined, joinRequests',
    replace: 'return new Context(joined.slice(-10), joinRequests',
    why: 'siblings that a pruned range had replaced look new again',
  },
]

const MERGES: readonly Plant[] = [
  {
    name: 'a sibling is dropped in a merge',
    find: 'const keptB = survivors(b, a)',
    replace: 'const keptB = survivors(b, a).slice(0, 1)',
    why: 'of two concurrent writes that arrive together one is forgotten',
  },
  {
    name: 'concurrent writes with equal counters are one',
    find: 'sibling.requestId === wanted.requestId && equalValues(sibling.value, wanted.value)',
    replace: 'sibling.dots[0].counter === wanted.dots[0].counter',
    why: 'two nodes count alike, and one of the writes is forgotten',
  },
  {
    name: 'a merge is not idempotent',
    find: 'if (place === undefined) {',
    replace: 'if (place !== -1) {',
    why: 'a sibling that both copies hold stands twice',
  },
  {
    name: 'attempts of one request keep one dot',
    find: 'if (added.length === 0 && time === a.time)',
    replace: 'if (added.length >= 0)',
    why: 'which one depends on who merges, and replacing it does not replace the other',
  },
  {
    name: 'two merges of one key at once',
    find: 'if (this.#busy.size > 0) {',
    replace: 'if (this.#busy.size > 1_000_000) {',
    why: 'where a copy is read from the disk, the second step starts from what the first replaced',
  },
  {
    name: 'a merge without the append before it',
    find: 'this.#indexes.put(entry, { kind, token, segment, offset, sequence, bytes })',
    replace:
      'const name = { bucket: entry.name.bucket.slice(), key: entry.name.key.slice() }; ' +
      'const own = { ...entry, token: { ...token }, name }; ' +
      'const kept = { kind, token, segment, offset, sequence, bytes }; ' +
      'const late = () => this.#indexes.put(own, kept); ' +
      'void this.#writer.synced(sequence).then(late, () => undefined);',
    why: 'the second of two does not see the first, which is not synced yet, and replaces it',
  },
]

const CONTEXTS: readonly Plant[] = [
  {
    name: "a put's context covers what its client never saw",
    find: 'return known.with(outcome.fresh)',
    replace: 'return outcome.object.context',
    why: 'a client that goes on from its own put replaces siblings that it was not shown',
  },
  {
    name: "the new sibling travels with its coordinator's context",
    find: 'return { outcome, ...written }',
    replace:
      'const { context } = outcome.object; const siblings = [outcome.sibling]; ' +
      'return { outcome, ...written, object: encodeObject({ context, siblings })! };',
    why: 'the context covers siblings that the receiver holds and no client replaced',
  },
  {
    name: 'a put without context overwrites',
    find: 'if (seen.isEmpty) return siblings',
    replace: 'if (seen.isEmpty) return []',
    why: 'a blind write replaces siblings that its client never saw',
  },
  {
    name: 'any context replaces everything',
    find: 'sibling.dots.filter((dot) => !seen.covers(dot))',
    replace: 'sibling.dots.filter(() => false)',
    why: 'a write with an old context replaces what came after it',
  },
  {
    name: 'a context serves for any key',
    find: "if (!isOfThisKey) return { kind: 'refused', code: 'context-foreign' }",
    replace: '',
    why: 'the context of one key erases writes of another',
  },
  {
    name: 'a deleted key is forgotten at once',
    find: 'const entry = entryOf(copy, bytes, note, digestKey)',
    replace:
      'const made = entryOf(copy, bytes, note, digestKey);' +
      'const isGone = object.siblings.every((one) => one.value === undefined);' +
      "const entry = isGone ? { ...made, kind: 'erasure' } : made",
    why: 'a replica that missed the delete brings back what was deleted',
  },
]

const REQUESTS: readonly Plant[] = [
  {
    name: 'a later attempt is a write of its own',
    find: 'if (earlier.length > 0) {',
    replace: 'if (earlier.length > 1_000) {',
    why: 'one request stands twice in one object',
  },
  {
    name: 'forwarding draws a request id of its own',
    find: 'peers.handOn(node, this.#attempt(),',
    replace:
      'peers.handOn(node, { ...this.#attempt(), requestId: this.#put.requestId.slice(1) + ' +
      'String.fromCharCode(this.#untried.length) },',
    why: 'two owners that both took one put leave two siblings',
  },
  {
    name: 'the client draws a request id for each attempt',
    find: 'isRepeat: isRepeat || sent > 1,',
    replace:
      'isRepeat: isRepeat || sent > 1, ' +
      '...(sent > 1 ? { requestId: this.#core.random.requestId() } : {}),',
    why: 'a retry leaves two siblings of one put',
  },
  {
    name: 'each attempt replaces what its coordinator sees',
    find: "r: 0, replace: 'given'",
    replace: "r: 0, replace: options?.replace ?? 'given'",
    why:
      'an attempt that arrives late replaces what was acknowledged since; to a checker that is ' +
      'a put that saw it',
    caughtBy: 'test/unit/client/puts.test.ts',
  },
  {
    name: 'a request whose value was replaced is forgotten',
    find: 'const dot = this.#remembered.replaced(request.requestId, held.object)',
    replace: 'const dot = undefined',
    why: 'a retry brings back what was replaced; once it may, so no checker objects',
    caughtBy: 'test/unit/node/replica/replica.test.ts',
  },
]

export const CAUSALITY: PlantGroup = {
  name: 'causality',
  plantsMin: 23,
  plants: [...LINES, ...MERGES, ...CONTEXTS, ...REQUESTS],
}
