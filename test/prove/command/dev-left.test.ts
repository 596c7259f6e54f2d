/** `everwrite dev` after one of its nodes has left the cluster. */
import { join } from 'node:path'
import t from 'tap'
import { Running, until } from './running.ts'

t.test('a node that has left ends cleanly, and the others start without it', async (t) => {
  const data = join(t.testdir(), 'data')
  const running = await Running.start(data, undefined, 4)
  t.match(await running.run('put', 'carts', 'anna', 'tea'), { code: 0 })
  t.match(await running.run('cluster', 'leave', 'node-4'), { code: 0 })
  const committed = await running.run('cluster', 'commit', '--timeout', '30000')
  t.match(committed, { code: 0, stdout: /is in effect: all members have adopted it; everwrite/ })
  const left = 'node-4 is no member any more, and does not run'
  await until(
    () => running.output.includes(left),
    () => running.output,
  )
  t.notMatch(running.output, /unexpectedly/)
  t.equal(await running.stop(), 0)

  const again = await Running.start(data, running.portBase, 4)
  t.match(again.output, /node-4 is no member any more, and does not run[^]*3 nodes are ready/)
  t.match(await again.run('get', 'carts', 'anna'), { code: 0, stdout: 'tea\n' })
  t.equal(await again.stop(), 0)
})
