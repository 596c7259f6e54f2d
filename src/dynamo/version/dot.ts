/**
 * The dot: the unique name of one write.
 *
 * Each put that a node coordinates gets a dot that no other write ever has. A dot consists of the
 * node; the *start* of the process (64 random bits, drawn at every process start, after a failed
 * append and after rot was found, because memory and disk may differ then); the *line*; and the
 * counter, one increasing number for all keys of that start.
 *
 * A line is the sequence of dots that one unbroken copy of a key wrote, named by the counter of its
 * first dot (`opened`). A copy that was dropped and received again begins a new line; two copies of
 * one key on one node (hints for two owners) have different lines. So a replica that knows a line
 * up to some counter knows every dot of that line up to there, and nothing about another line.
 *
 * Invariant: all dots of one (node, start, opened) were made by one copy, each time in the
 * presence of all earlier dots of that line.
 *
 * Why not a counter for each key: a key that was forgotten would begin again at one, and two writes
 * would get the same dot. Why not ranges of (node, start) without lines: a fallback with hints for
 * two owners would close the gap in one hint's range over a dot that only the other hint holds
 * (`test/model` finds that loss).
 *
 * Source: Preguiça, Baquero, Almeida, Fonte, Gonçalves, "Dotted Version Vectors" (2010), 4; the
 * lost writes that starts and lines prevent are riak_kv issue 679.
 */
import type { NodeId, Start } from '../names.ts'

/** The writer: one copy of one key, from its creation until it was dropped. */
export interface Line {
  readonly node: NodeId
  readonly start: Start
  /** The counter of the line's first dot: tells it from the other lines of that start. */
  readonly opened: number
}

export interface Dot extends Line {
  /** At least `opened`. Between two dots of a line lie counters that other keys used. */
  readonly counter: number
}

export function dotOn(line: Line, counter: number): Dot {
  return { node: line.node, start: line.start, opened: line.opened, counter }
}

export function sameLine(a: Line, b: Line): boolean {
  return a.opened === b.opened && a.start === b.start && a.node === b.node
}

/** By node, then start, then opening: the order of ranges on disk and on the wire. */
export function compareLines(a: Line, b: Line): number {
  if (a.node !== b.node) return a.node < b.node ? -1 : 1
  if (a.start !== b.start) return a.start < b.start ? -1 : 1
  return a.opened - b.opened
}

export function compareDots(a: Dot, b: Dot): number {
  const order = compareLines(a, b)
  return order === 0 ? a.counter - b.counter : order
}
