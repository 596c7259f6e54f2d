import t from 'tap'
import { nodeId } from '../../../src/dynamo/names.ts'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import type { PlacedMember, Placement } from '../../../src/dynamo/ring/placement.ts'
import {
  acceptBuckets,
  type Configured,
  identityText,
  openIdentity,
} from '../../../src/store/identity.ts'
import { keep, Lab } from './lab.ts'

const NODE = nodeId('0123456789abcdef')
const [FIRST, SECOND] = ['1111111111111111', '2222222222222222']

const member = (name: string): PlacedMember => ({ name, machine: name, zone: '', weight: 1 })
const PLACEMENT: Placement = {
  partitions: 256,
  members: ['node-1', 'node-2', 'node-3'].map(member),
  n: 3,
  buckets: { flags: 2 },
}
const OWN: Configured = { cluster: 'prod', engine: 'log', node: NODE, placement: PLACEMENT }

const open = async (
  lab: Lab,
  newId: string,
  difference: Partial<Configured> = {},
): Promise<string> => (await opened(lab, newId, difference)).id

const opened = async (
  lab: Lab,
  newId: string,
  difference: Partial<Configured> = {},
): ReturnType<typeof openIdentity> =>
  openIdentity(await lab.directory(), { ...OWN, ...difference }, newId)

void t.test('it is written once, durable, and read ever after', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      t.equal(await open(lab, FIRST), FIRST)
      lab.crash()
      t.equal(await open(lab, SECOND), FIRST)
      const text = utf8Text(await lab.read('identity'))
      t.equal(text, identityText({ ...OWN, directory: FIRST }))
    })(),
  )
})

void t.test('other partitions and another N are refused, and nothing is changed', async (t) => {
  const { members } = PLACEMENT
  const cases: readonly (readonly [Partial<Placement>, RegExp])[] = [
    [{ partitions: 512 }, /\(256 partitions became 512\)/],
    [{ n: 2 }, /\(n = 3 became n = 2\)/],
  ]
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      await open(lab, FIRST)
      const text = utf8Text(await lab.read('identity'))
      for (const [difference, message] of cases) {
        const placement = { ...PLACEMENT, ...difference }
        await t.rejects(open(lab, SECOND, { placement }), { code: 'ring-changed', message })
      }
      t.equal(utf8Text(await lab.read('identity')), text)
      const others = [...members.slice(1), member('node-4')]
      const { placement } = await opened(lab, SECOND, {
        placement: { ...PLACEMENT, members: others },
      })
      t.same(placement, PLACEMENT, 'its members are those that it was begun with')
      t.equal(utf8Text(await lab.read('identity')), text)
    })(),
  )
})

void t.test('another N of a bucket is told, and written once it is accepted', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      await open(lab, FIRST)
      const text = utf8Text(await lab.read('identity'))
      const changesOf = async (buckets: Placement['buckets']) =>
        (await opened(lab, SECOND, { placement: { ...PLACEMENT, buckets } })).changes
      t.same(await changesOf({ flags: 3 }), [{ name: 'flags', was: 2, is: 3 }])
      t.same(await changesOf({}), [{ name: 'flags', was: 2, is: 3 }], 'the default')
      const carts = { name: 'carts', was: 3, is: 1 }
      t.same(await changesOf({ flags: 2, carts: 1 }), [carts], 'it had the default until now')
      t.equal(utf8Text(await lab.read('identity')), text, 'nothing is changed')
      t.same(await changesOf({ flags: 2, carts: 3 }), [])
      const placement = { ...PLACEMENT, buckets: { carts: 1 } }
      await acceptBuckets(await lab.directory(), { ...OWN, placement }, FIRST)
      lab.crash()
      t.same(await changesOf({ carts: 1 }), [])
      t.same(await changesOf({ flags: 2, carts: 1 }), [{ name: 'flags', was: 3, is: 2 }])
    })(),
  )
})

void t.test('a crash while a bucket is added leaves the old identity or the new one', async (t) => {
  const placement = { ...PLACEMENT, buckets: { ...PLACEMENT.buckets, carts: 3 } }
  for (let seed = 1; seed <= 60; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        await open(lab, FIRST)
        const adding = open(lab, SECOND, { placement }).catch(() => undefined)
        await Promise.race([adding, lab.pause(lab.prng.below(3000) / 1000)])
        lab.crash()
        const directory = await open(lab, SECOND, { placement })
        if (directory !== FIRST) t.equal(directory, FIRST, `seed ${seed}`)
      })(),
    )
  }
  t.pass('sixty seeds')
})

void t.test('a crash at any moment of the first start leaves one identity, or none', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        const first = open(lab, FIRST).catch(() => undefined)
        await Promise.race([first, lab.pause(lab.prng.below(3000) / 1000)])
        lab.crash()
        const directory = await open(lab, SECOND)
        if (directory !== SECOND && directory !== FIRST) t.fail(`seed ${seed}: ${directory}`)
        if ((await open(lab, 'f'.repeat(16))) !== directory) t.fail(`seed ${seed}: another id`)
      })(),
    )
  }
  t.ok(true)
})

void t.test(
  'data of another cluster or engine, newer, garbled or without identity is refused',
  async (t) => {
    const own = { ...OWN, directory: FIRST }
    const sound = identityText(own)
    const cases: readonly (readonly [string, string])[] = [
      [identityText({ ...own, cluster: 'test' }), 'data-foreign'],
      [identityText({ ...own, engine: 'other' }), 'data-foreign'],
      [identityText({ ...own, node: nodeId('fedcba9876543210') }), 'data-foreign'],
      [sound.replace('data 4', 'data 5'), 'data-newer'],
      [sound.replace('data 4', 'data 3'), 'data-older'],
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
          await t.rejects(open(lab, SECOND), { code })
          t.equal(utf8Text(await lab.read('identity')), text, 'nothing was changed')
        })(),
      )
    }
    const lab = new Lab(1)
    await lab.done(
      (async () => {
        const { engine } = await lab.open()
        await t.rejects(open(lab, SECOND), { code: 'data-locked' }, 'while a node is at work')
        await keep(engine, 'a', '1')
        await engine.close()
        await t.rejects(open(lab, SECOND), { code: 'data-rotten' }, 'segments without an identity')
      })(),
    )
  },
)
