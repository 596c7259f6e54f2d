import t from 'tap'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { conformance } from '../conformance.ts'
import { DIGEST_KEY } from '../lab.ts'

conformance(t, 'memory', async () => ({
  open: async () => new MemoryEngine({ digestKey: DIGEST_KEY }),
  done: (promise) => promise,
  end: async () => undefined,
}))

void t.test('it says that it is not durable', async (t) => {
  t.equal(new MemoryEngine({ digestKey: DIGEST_KEY }).isDurable, false)
})
