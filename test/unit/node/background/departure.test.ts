/** A member that is told to leave: what keeps it. */
import t from 'tap'
import { MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { firstStages, type Stages } from '../../../../src/dynamo/ring/stages.ts'
import { Departure, type DepartureDependencies } from '../../../../src/node/background/departure.ts'
import type { Donor } from '../../../../src/node/background/donor.ts'
import type { MemberChange } from '../../../../src/node/cluster/membership.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { members } from '../../dynamo/ring/members.ts'
import { moving, MOVING_N } from '../../dynamo/ring/moving.ts'

const ALL = members(4)
const SELF = ALL[3]?.id as NodeId
/** The member is in no table any more, and no move is left. */
const OVER = firstStages(moving(ALL, ALL.slice(0, 3)).table.ring)

class Bench {
  readonly sim = new SimWorld({ seed: 1 })
  readonly departure: Departure
  /** What is durable here. */
  readonly topology = { self: { id: SELF }, stages: OVER, ring: OVER.table.ring }
  /** It may be ahead of that. */
  readonly view = { stages: OVER, adopted: OVER.table }
  readonly hints = { places: [] as unknown[], isClosed: false, close: () => this.#close() }
  readonly trees = { isBuilt: true }
  readonly donor = { left: 0 }
  state: MemberState = MemberState.leaving
  /** Whether it still took hints as it went. */
  tookHints: boolean | undefined

  constructor() {
    const { clock } = this.sim.start(1)
    const membership = {
      recordOf: () => ({ state: this.state }),
      change: ([, { state }]: MemberChange) => {
        this.state = state ?? this.state
        this.tookHints = !this.hints.isClosed
        return Promise.resolve()
      },
    }
    const { topology, view, hints, trees } = this
    const given = { clock, topology, rings: { view }, hints, trees }
    const peers = { connected: [], gossip: () => undefined }
    const node = { ...given, membership, peers } as unknown as DepartureDependencies
    this.departure = new Departure(node, this.donor as unknown as Donor)
    this.departure.begin()
  }

  #close(): void {
    this.hints.isClosed = true
  }

  /** Whether it has gone after a while. */
  async hasGone(): Promise<boolean> {
    await this.sim.run(5_000)
    return this.state === MemberState.gone
  }

  become(stages: Stages): void {
    Object.assign(this.topology, { stages, ring: stages.table.ring })
    this.know(stages)
  }

  /** Nothing of it is durable. */
  know(stages: Stages): void {
    Object.assign(this.view, { stages, adopted: stages.table })
  }
}

t.test('a member that holds nothing for others goes, if it was told to leave', async (t) => {
  t.ok(await new Bench().hasGone())
  const stays = new Bench()
  stays.state = MemberState.joined
  t.notOk(await stays.hasGone())
  t.notOk(stays.hints.isClosed)
})

t.test('it takes no more hints as it goes', async (t) => {
  const bench = new Bench()
  t.ok(await bench.hasGone())
  t.equal(bench.tookHints, false)
})

const OBSTACLES: Readonly<Record<string, readonly [(bench: Bench) => void, RegExp]>> = {
  'a hint': [({ hints }) => hints.places.push({ place: ALL[0]?.id }), /hints for others/],
  'a copy to give': [({ donor }) => Object.assign(donor, { left: 1 }), /gives copies away/],
  'copies that are not counted': [({ trees }) => Object.assign(trees, { isBuilt: false }), /reads/],
  'a pending table': [
    ({ view }) => Object.assign(view, { adopted: moving(ALL, ALL).table }),
    /a table waits/,
  ],
  'moves that are left': [(bench) => bench.become(moving(ALL, ALL.slice(0, 3))), /being moved/],
  'the end of the last move, while it is written': [
    (bench) => {
      const stages = moving(ALL, ALL.slice(0, 3))
      const ended = stages.copy()
      for (let p = 0; p < ended.table.ring.partitionCount; p++) {
        for (let done = 1; ended.of(p, MOVING_N).leaver !== undefined; done++) {
          ended.advance(p, MOVING_N, done, true)
        }
      }
      bench.become(stages)
      bench.know(ended)
    },
    /being moved/,
  ],
  'a table that takes effect, while it is written': [
    (bench) => {
      bench.become(firstStages(moving(ALL, ALL).table.ring))
      bench.know(OVER)
    },
    /a table waits/,
  ],
  'the ring': [(bench) => bench.become(firstStages(moving(ALL, ALL).table.ring)), /the ring still/],
}

for (const [what, [hold, why]] of Object.entries(OBSTACLES)) {
  t.test(`${what} keeps it`, async (t) => {
    const bench = new Bench()
    hold(bench)
    t.match(bench.departure.obstacle, why)
    t.notOk(await bench.hasGone())
  })
}
