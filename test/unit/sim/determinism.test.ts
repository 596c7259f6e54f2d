import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SimWorld } from '../../../src/sim/index.ts'
import { digestOf } from './story.ts'

const STORY = fileURLToPath(import.meta.resolve('./story.ts').replace(/\.ts$/, '.js'))

t.test('two runs of one seed have one digest, and another seed has another', async (t) => {
  const digests = new Set<string>()
  for (let seed = 0; seed < 4; seed++) {
    const digest = await digestOf(seed)
    t.equal(await digestOf(seed), digest)
    digests.add(digest)
  }
  t.equal(digests.size, 4)
})

t.test('a run in a second process has the same digest', async (t) => {
  for (const seed of [3]) {
    const there = execFileSync(process.execPath, [STORY, String(seed)], { encoding: 'utf8' })
    t.equal(there, await digestOf(seed))
  }
})

t.test('real time and other work in the process change nothing', async (t) => {
  const noise = setInterval(() => {
    const until = performance.now() + 0.5
    while (performance.now() < until);
  }, 5)
  const digest = await digestOf(5)
  clearInterval(noise)
  t.equal(digest, await digestOf(5))
})

t.test('one more draw in one part leaves the others as they were', async (t) => {
  const bytesOf = (isDrawing: boolean): string => {
    const sim = new SimWorld({ seed: 1 })
    const [first, second] = [sim.start(0), sim.start(1)]
    if (isDrawing) first.entropy.bytes(500)
    return second.entropy.bytes(16).join()
  }
  t.equal(bytesOf(true), bytesOf(false))
})
