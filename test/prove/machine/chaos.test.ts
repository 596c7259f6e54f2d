/** The small form of `prove chaos`: three nodes on loopback, two thousand writes. */
import t from 'tap'
import { chaosOnLoopback } from './chaos.ts'

const SEED = 7
/** Of a machine that does much else; it takes a minute or two. */
const LIMIT = { timeout: 300_000 }

t.setTimeout(LIMIT.timeout)

t.test('acknowledged writes survive kills, pauses and destroyed disks', LIMIT, async (t) => {
  const said: string[] = []
  const say = (line: string): void => void said.push(line)
  const { isMet, figure } = await chaosOnLoopback({ writes: 2_000, seed: SEED, say })
  t.ok(isMet, isMet ? figure : [...said, figure].join('\n'))
})
