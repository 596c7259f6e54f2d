/** Absences: written, read back, and refused where they are garbled. */
import t from 'tap'
import { Absence, ABSENCE_ENTRIES_MAX } from '../../../../src/store/log/absence.ts'

void t.test('an absence is read as it was written, over several records too', (t) => {
  const written = new Absence()
  const count = ABSENCE_ENTRIES_MAX + 5
  for (let i = 0; i < count; i++) written.dropped.add(2 ** 40 + 2 * i)
  written.removed.addRange(3, 5)
  written.cut.set(4, 100)
  written.cut.set(7, 200)
  const objects = written.write()
  t.equal(objects.length, 2)
  const read = new Absence()
  for (const object of objects) t.ok(read.read(object))
  t.same(read.dropped.ranges, written.dropped.ranges)
  t.same(read.removed.ranges, [{ first: 3, last: 5 }])
  t.same([...read.cut], [[7, 200]], 'a segment that is gone is not cut as well')
  t.end()
})

void t.test('it covers segments that are gone, and what was behind a cut', (t) => {
  const absence = new Absence()
  absence.removed.add(3)
  absence.cut.set(4, 100)
  t.ok(absence.covers(3, 0))
  t.notOk(absence.covers(4, 99))
  t.ok(absence.covers(4, 100))
  t.notOk(absence.covers(5, 0))
  t.end()
})

void t.test('an object that is no absence adds nothing', (t) => {
  const whole = new Absence()
  whole.removed.add(9)
  const [object] = whole.write()
  for (let length = 0; length < (object as Uint8Array).length; length++) {
    const read = new Absence()
    t.notOk(read.read((object as Uint8Array).subarray(0, length)), `cut to ${length}`)
    t.same(read.removed.ranges, [])
  }
  const many = new Uint8Array(12).fill(0xff)
  t.notOk(new Absence().read(many), 'more entries than a record has')
  t.end()
})
