/**
 * The note: the line that a copy may continue.
 *
 * A copy that wrote a dot keeps a note in the record of its object: the start and the opening of
 * its line. The next put through this copy continues that line, so that a key written a thousand
 * times by one node has one range. The note belongs to the copy and not to the object: it is not
 * part of the digest, is not merged and is never sent.
 *
 * Invariant: a note is valid only in the start that it names, and only for the copy that wrote the
 * line, unbroken since. So the code that keeps copies must:
 *   - drop the note with the copy, and give a copy that was received none;
 *   - keep the note when an object of a peer is merged into the copy;
 *   - move it with a copy (a hint that is addressed anew) only if the same batch erases the
 *     old place: a note in two places would give one line two writers.
 *
 * Why not derive it from the context: a range of this node's own start that a peer sent says that
 * this node once had its dots, not that it holds them now. Continuing it would cover writes that
 * were dropped here and that other replicas hold.
 */
import { readU48, writeU48 } from '../../base/bytes.ts'
import { ID_BYTES, type NodeId, type Start } from '../names.ts'
import type { Context, Range } from './context.ts'
import { readId, writeId } from './context-bytes.ts'

export interface Note {
  readonly start: Start
  /** The counter of the first dot of the line that this copy writes. */
  readonly opened: number
}

/** These numbers are in files. Append only; never reuse. */
const FORMAT = 1
const NOTE_BYTES = 1 + ID_BYTES + 6

/**
 * The end of the line to continue, or undefined where the next dot must open one. `context` is
 * the copy's; a line that it knows up to `counter` or further cannot be continued.
 */
export function openTail(
  note: Note | undefined,
  context: Context,
  now: { readonly node: NodeId; readonly start: Start; readonly counter: number },
): Range | undefined {
  if (note === undefined || note.start !== now.start) return undefined
  const tail = context.tailOf({ node: now.node, start: now.start, opened: note.opened })
  return tail !== undefined && tail.last < now.counter ? tail : undefined
}

/** u8 format, start (8 bytes), u48 opened. No note is no bytes. */
export function encodeNote(note: Note): Uint8Array {
  const bytes = new Uint8Array(NOTE_BYTES)
  bytes[0] = FORMAT
  writeId(bytes, 1, note.start)
  writeU48(bytes, 1 + ID_BYTES, note.opened)
  return bytes
}

/** The note in `bytes`; undefined if there is no readable one: the next put opens a line. */
export function decodeNote(bytes: Uint8Array): Note | undefined {
  if (bytes.length !== NOTE_BYTES || bytes[0] !== FORMAT) return undefined
  return { start: readId(bytes, 1), opened: readU48(bytes, 1 + ID_BYTES) }
}
