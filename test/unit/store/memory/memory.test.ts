import t from 'tap'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { conformance } from '../conformance.ts'

conformance(t, 'memory', async () => ({
  open: async () => new MemoryEngine(),
  complete: (promise) => promise,
  end: async () => undefined,
}))

void t.test('it says that it is not durable', async (t) => {
  t.equal(new MemoryEngine().capabilities.isDurable, false)
})
