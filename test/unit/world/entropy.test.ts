import t from 'tap'
import { hexOf } from '../../../src/base/bytes.ts'
import { PLACES } from './places.ts'

for (const make of PLACES) {
  const place = await make()
  t.teardown(() => place.end())

  t.test(`${place.name}: as many bytes as were asked for, and never the same again`, async (t) => {
    const { entropy } = place.worlds[0]
    t.notSame(place.worlds[1].entropy.bytes(1024), entropy.bytes(1024), 'nodes differ')
    for (const count of [1, 7, 1000, 1024]) t.equal(entropy.bytes(count).length, count)
    const first = entropy.bytes(16)
    const seen = new Set([hexOf(first)])
    for (let i = 0; i < 500; i++) seen.add(hexOf(entropy.bytes(16)))
    seen.add(hexOf(place.worlds[1].entropy.bytes(16)))
    t.equal(seen.size, 502)
    t.ok(seen.has(hexOf(first)), 'what was given out does not change')
    t.notOk(seen.has('00'.repeat(16)))
    t.throws(() => entropy.bytes(1025))
    t.throws(() => entropy.bytes(0))
  })
}
