/** Buffers that are used again. */
import t from 'tap'
import { Spares } from '../../../src/base/spares.ts'

t.test('a buffer that was given back is taken again, and no more are kept than said', async (t) => {
  let made = 0
  const spares = new Spares(2, () => new Uint8Array(8).fill((made += 1)))
  const taken = [spares.take(), spares.take(), spares.take()] as const
  t.equal(made, 3)
  for (const memory of taken) spares.giveBack(memory)
  t.equal(spares.take(), taken[1])
  t.equal(spares.take(), taken[0])
  t.not(spares.take(), taken[2], 'two were kept')
  t.equal(made, 4)
})
