/** A key with siblings from before the last round is written while its owners are away. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import { RoundsScene } from '../background/rounds-scene.ts'
import { replyOf } from '../scene.ts'

const N = 3

t.test('a put that replaces nothing is taken by fallbacks, and no sibling is lost', async (t) => {
  for (const away of [1, 2]) {
    const scene = await RoundsScene.open({ nodes: 6 })
    const { owners } = scene.placeOf('k')
    const session = await scene.session(owners[0] as number)
    replyOf(await session.put('k', 'old'))
    await scene.rounds(2)
    for (const owner of owners.slice(N - away)) scene.cluster.kill(owner)
    await scene.quiet()
    replyOf(await session.put('k', 'new'))
    await scene.quiet()
    t.equal(scene.total('hints'), away, `a hint for each of ${away} owners`)
    t.equal(scene.total('writes_late_total'), 0)
    for (const owner of owners.slice(N - away)) await scene.run(scene.cluster.start(owner))
    t.ok(await scene.world.runUntil(() => scene.total('hints') === 0, 60_000))
    // One node that is connected delivers them; the others may connect a little later.
    await scene.quiet()
    for (const owner of owners) {
      const { siblings } = replyOf(await (await scene.session(owner)).get('k', N))
      t.same(siblings.map(utf8Text).sort(), ['new', 'old'])
    }
  }
})
