import t from 'tap'
import { idOf, valueOf } from '../../../src/sim/history/history.ts'

t.test('a value tells its write, at any length', async (t) => {
  for (const id of [0, 7, 26, 123_456]) {
    for (const bytes of [1, 8, 9, 200]) t.equal(idOf(valueOf(id, bytes)), id)
  }
})

t.test('a value that no write made tells none', async (t) => {
  for (const value of ['', ' ', 'x', '7', '7 g', '7 hhg', '07 hhh', '-1 ```', '1.5 bb', '1e3 mm']) {
    t.equal(idOf(value), -1, value)
  }
  t.equal(idOf('7 hhh'), 7)
})
