/**
 * The sets that clients of the proof write: an element is a client and a number.
 *
 * The numbers of a client are kept as spans, so that a set is small however many elements it has:
 * each client adds 1, 2, 3, … to a key, and a lost element is a gap between two spans.
 */

/** The first and the last number. */
export type Span = readonly [from: number, to: number]
/** By client, in ascending order and apart from each other. */
export type Elements = Readonly<Record<string, readonly Span[]>>

export function unionOf(sets: readonly Elements[]): Elements {
  const union: Record<string, readonly Span[]> = {}
  for (const set of sets) {
    for (const [client, spans] of Object.entries(set)) {
      union[client] = joined([...(union[client] ?? []), ...spans])
    }
  }
  return union
}

export function withElement(set: Elements, client: number, number: number): Elements {
  return unionOf([set, { [client]: [[number, number]] }])
}

/** Those of 1 to `last` that the set lacks. */
export function gapsOf(set: Elements, client: number, last: number): readonly Span[] {
  const gaps: Span[] = []
  let next = 1
  for (const [from, to] of set[client] ?? []) {
    if (from > last) break
    if (from > next) gaps.push([next, from - 1])
    next = to + 1
  }
  if (next <= last) gaps.push([next, last])
  return gaps
}

/** The highest number of a client; 0 where it has none. */
export function lastOf(set: Elements, client: number): number {
  return set[client]?.at(-1)?.[1] ?? 0
}

export function countOf(spans: readonly Span[]): number {
  return spans.reduce((sum, [from, to]) => sum + to - from + 1, 0)
}

function joined(spans: Span[]): readonly Span[] {
  const all: Span[] = []
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0])) {
    const before = all.at(-1)
    if (before === undefined || from > before[1] + 1) all.push([from, to])
    else all[all.length - 1] = [before[0], Math.max(before[1], to)]
  }
  return all
}
