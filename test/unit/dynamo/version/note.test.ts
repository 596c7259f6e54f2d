/** Notes: when a copy may go on with its line, and when it must open one. */
import t from 'tap'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { decodeNote, encodeNote, openTail } from '../../../../src/dynamo/version/note.ts'
import { NOTE_BYTES_MAX } from '../../../../src/limits.ts'
import { NODE_A, range, START_1, START_2 } from './samples.ts'

const now = { node: NODE_A, start: START_1, counter: 10 }
const note = { start: START_1, opened: 4 }

t.test('a copy continues the line that it opened in this start', async (t) => {
  const context = Context.of([range(4, 4, 7), range(8, 8, 9)])
  t.same(openTail(note, context, now), range(4, 4, 7))
})

t.test('without a note, or with one of an earlier start, a line is opened', async (t) => {
  const context = Context.of([range(4, 4, 7)])
  t.equal(openTail(undefined, context, now), undefined)
  t.equal(openTail({ ...note, start: START_2 }, context, now), undefined)
})

t.test('a line that is known up to the next counter or further is not continued', async (t) => {
  t.equal(openTail(note, Context.of([range(4, 4, 10)]), now), undefined)
  t.equal(openTail(note, Context.of([range(4, 4, 7), range(4, 12, 12)]), now), undefined)
  t.equal(openTail(note, Context.of([range(8, 8, 8)]), now), undefined)
})

t.test('a note comes back from its bytes, which fit the record', async (t) => {
  const bytes = encodeNote(note)
  t.ok(bytes.length <= NOTE_BYTES_MAX)
  t.same(decodeNote(bytes), note)
})

t.test('bytes that are no note decode to undefined', async (t) => {
  const bytes = encodeNote(note)
  t.equal(decodeNote(new Uint8Array(0)), undefined)
  t.equal(decodeNote(bytes.subarray(1)), undefined)
  t.equal(decodeNote(Uint8Array.of(2, ...bytes.subarray(1))), undefined)
  t.equal(decodeNote(Uint8Array.of(...bytes, 0)), undefined)
})
