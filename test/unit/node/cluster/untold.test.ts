/** A record that is not durable yet is left out of messages, which do not wait for it. */
import t from 'tap'
import { OwnRecord } from '../../../../src/dynamo/membership/own-record.ts'
import type { Message } from '../../../../src/dynamo/membership/message.ts'
import { KeptMembers } from '../../../../src/node/cluster/kept-members.ts'
import { Membership } from '../../../../src/node/cluster/membership.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { Directory } from '../../../../src/world/disk.ts'
import { Lab } from '../../store/lab.ts'
import { id, record, records } from '../../dynamo/membership/samples.ts'

/** Member 0 of three, whose disk takes nothing until `isOpen`. */
class Node {
  readonly lab: Lab
  readonly sent: Message[] = []
  isOpen = false
  readonly membership: Membership

  constructor(lab: Lab, directory: Directory) {
    this.lab = lab
    const { clock, entropy, trace } = this.lab.world
    const create = async (name: string) => {
      while (!this.isOpen) await this.lab.pause(10)
      return directory.create(name)
    }
    const slow = new Proxy(directory, {
      get: (target, key) => {
        if (key === 'create') return create
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const own = new OwnRecord(record(0))
    const kept = { own, records: records(3), earlier: [], isWritten: true }
    this.membership = new Membership({
      ...{ clock, entropy, trace, counters: new Counters() },
      records: new KeptMembers({ ...kept, directory: slow, clock }),
      peers: {
        gossip: (_node, message) => this.sent.push(message),
        end: () => undefined,
        follow: () => undefined,
        takeHeard: () => [],
        onSilence: () => undefined,
      },
    })
    this.membership.begin()
  }

  get toldOf(): number {
    const news = this.sent.flatMap((message) => ('news' in message ? message.news : []))
    return news.filter((one) => one.kind === 'record' && one.record.id === id(9)).length
  }
}

t.test('news of a joiner waits for the disk, and pings and acks do not', async (t) => {
  const lab = new Lab(1)
  const node = new Node(lab, await lab.done(lab.directory()))
  const { membership, sent } = node
  let isDurable = false
  const introduced = membership.introduce(record(9, { sponsor: id(0) })).then(() => {
    isDurable = true
  })
  await lab.sim.run(5_000)
  t.ok(
    sent.some(({ kind }) => kind === 'ping'),
    'it probes on',
  )
  const { replies } = membership.hear(id(1), { kind: 'ping', probe: 1, news: [] })
  t.match(replies, [{ kind: 'ack', news: [] }])
  t.equal(node.toldOf, 0)
  t.equal(isDurable, false)
  node.isOpen = true
  t.ok(await lab.sim.runUntil(() => isDurable, 60_000))
  await introduced
  await lab.sim.run(5_000)
  t.ok(node.toldOf > 0, 'then it is news')
})
