/**
 * Remember which line a copy may continue: the note.
 *
 * A copy that wrote a dot keeps a note beside its object, in the same record: the start and the
 * opening of its line. The next put through this copy continues that line, so that a key written a
 * thousand times by one node still has one range. The note belongs to the copy, not to the object:
 * it is in no digest, takes no part in merges and is never sent to anyone.
 *
 * Invariant: a note is valid only in the start that it names, and only for the very copy that
 * wrote the line, unbroken since. So whoever keeps copies must:
 *   - drop the note with the copy, and give a copy that came from elsewhere none;
 *   - keep the note when others' objects are merged into the copy;
 *   - move it with a copy (a hint that is addressed anew) only where the old place is voided in
 *     the same batch: a note in two places would give one line two writers.
 *
 * Why not derive it from the context: a range of our own start that came back from a peer says
 * that we once knew its dots, not that we hold them now. Continuing it would cover writes that
 * were dropped here and live elsewhere.
 */
import { readU48, writeU48 } from '../../base/bytes.ts'
import { ID_BYTES, type NodeId, type Start } from '../names.ts'
import type { Context, Range } from './context.ts'
import { readId, writeId } from './range-bytes.ts'

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
 * what the copy holds; a line that it knows up to `counter` or further is not ours to continue.
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

/** The note in `bytes`, or undefined where there is none that we can read: a new line is opened. */
export function decodeNote(bytes: Uint8Array): Note | undefined {
  if (bytes.length !== NOTE_BYTES || bytes[0] !== FORMAT) return undefined
  return { start: readId(bytes, 1), opened: readU48(bytes, 1 + ID_BYTES) }
}
