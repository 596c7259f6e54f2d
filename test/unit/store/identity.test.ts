import t from 'tap'
import { nodeId } from '../../../src/dynamo/names.ts'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { identityText, openIdentity } from '../../../src/store/identity.ts'
import { keep, Lab } from './lab.ts'

const NODE = nodeId('0123456789abcdef')
const OTHER = nodeId('fedcba9876543210')
const open = async (lab: Lab, cluster = 'prod', node = OTHER): ReturnType<typeof openIdentity> =>
  openIdentity(await lab.directory(), { cluster, engine: 'log', newNodeId: () => node })

void t.test('it is written once, durable, and read ever after', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      t.same(await open(lab, 'prod', NODE), { cluster: 'prod', node: NODE, isNew: true })
      lab.crash()
      t.same(await open(lab), { cluster: 'prod', node: NODE, isNew: false })
      t.equal(utf8Text(await lab.read('identity')), identityText('prod', 'log', NODE))
    })(),
  )
})

void t.test('a crash at any moment of the first start leaves one identity, or none', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        const opened = open(lab, 'prod', NODE).catch(() => undefined)
        await Promise.race([opened, lab.pause(lab.prng.below(3000) / 1000)])
        lab.crash()
        const { node, isNew } = await open(lab)
        if (node !== (isNew ? OTHER : NODE)) t.fail(`seed ${seed}: ${node}`)
      })(),
    )
  }
  t.ok(true)
})

void t.test(
  'data of another cluster or engine, newer, garbled or without identity is refused',
  async (t) => {
    const sound = identityText('prod', 'log', NODE)
    const cases: readonly (readonly [string, string])[] = [
      [identityText('test', 'log', NODE), 'data-foreign'],
      [identityText('prod', 'other', NODE), 'data-foreign'],
      [sound.replace('data 1', 'data 2'), 'data-newer'],
      ['everwrite data 7\nsomething else', 'data-newer'],
      ['', 'data-rotten'],
      ['noise', 'data-rotten'],
      [sound.replace('prod', 'prad'), 'data-rotten'],
      [sound.slice(0, -3), 'data-rotten'],
      [`${sound}x`, 'data-rotten'],
    ]
    for (const [text, code] of cases) {
      const lab = new Lab(1)
      await lab.done(
        (async () => {
          await lab.write('identity', utf8Bytes(text))
          await t.rejects(open(lab), { code })
          t.equal(utf8Text(await lab.read('identity')), text, 'nothing was changed')
        })(),
      )
    }
    const lab = new Lab(1)
    await lab.done(
      (async () => {
        const { engine } = await lab.open()
        await t.rejects(open(lab), { code: 'data-locked' }, 'while a node is at work')
        await keep(engine, 'a', '1')
        await engine.close()
        await t.rejects(open(lab), { code: 'data-rotten' }, 'segments without an identity')
      })(),
    )
  },
)
