/** The client in Python against real nodes, in short. */
import t from 'tap'
import { conformance, hasPython } from './conformance.ts'

const skip = hasPython() ? false : 'python3 of version 3.9 or newer is not installed'

t.test('a client written from the page alone agrees with the nodes', { skip }, async (t) => {
  const verdict = await conformance({ isShort: true, say: (line) => t.comment(line) })
  t.ok(verdict.isMet, verdict.figure)
})
