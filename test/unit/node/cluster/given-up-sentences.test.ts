import t from 'tap'
import { nodeId } from '../../../../src/dynamo/names.ts'
import type { Change, GivenUp } from '../../../../src/dynamo/ring/given-up.ts'
import { givenUpSentence } from '../../../../src/node/cluster/given-up-sentences.ts'

const member = nodeId('aaaaaaaaaaaaaaaa')

function said(what: GivenUp['what'], change?: Change): string {
  return givenUpSentence({ what, count: 5, change }, () => 'node-1')
}

t.test('each aim, and each change that would help', async (t) => {
  t.equal(said('moves'), '5 replicas move more than the least that must')
  const weight = said('balance', { kind: 'weight', member, atMost: 1.2345 })
  t.match(weight, /^5 replicas are held beyond .*: give node-1 a weight of at most 1\.23$/)
  const light = said('balance', { kind: 'weight', member, atMost: 0.001_09 })
  t.match(light, /: give node-1 a weight of at most 0\.001$/, 'two digits of a small one')
  const own = said('balance', { kind: 'own-machine', member })
  t.match(own, /: move node-1 to a machine of its own$/)
  t.match(said('balance', { kind: 'machines', count: 1 }), /: add members on 1 more machine$/)
  t.match(said('balance', { kind: 'machines', count: 2 }), /: add members on 2 more machines$/)
  const zone = said('balance', { kind: 'zone', zone: 'north', weight: 3 })
  t.match(zone, /: add members with a weight of 3 in zone north$/)
  t.match(said('balance', { kind: 'zone', zone: '', weight: 3 }), /in the lightest zone$/)
  const one = said('zones', { kind: 'one-zone', machine: 'm1' })
  t.equal(
    one,
    '5 partitions lie in fewer zones than there are: let all members of the machine m1 state' +
      ' one zone',
  )
})
