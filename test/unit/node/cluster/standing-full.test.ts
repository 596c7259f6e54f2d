/** What a node remembers of the others, on a disk that has no room for it. */
import t from 'tap'
import { OwnStanding } from '../../../../src/node/cluster/own-standing.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { NEW_STANDING, readStanding, writeStanding } from '../../../../src/store/standing.ts'

for (const harm of ['full', 'no right', 'failing'] as const) {
  t.test(
    `a disk that is ${harm} ${harm === 'failing' ? 'ends' : 'does not end'} the node`,
    async (t) => {
      const sim = new SimWorld({ seed: 1 })
      const { clock, disk, trace } = sim.start(1)
      const directory = await sim.complete(disk.directory('/data'))
      await sim.complete(writeStanding(directory, NEW_STANDING))
      const placement = { partitions: 1, members: [], n: 1, buckets: {} }
      const options = {
        processId: 'b',
        id: 'a',
        directory,
        placement,
        lost: '',
        mayRebuild: false,
        durable: () => 0,
        clock,
        trace,
      }
      const standing = await sim.complete(OwnStanding.open(options))
      const failures: string[] = []
      standing.onFailed = ({ code }) => failures.push(code)
      const simulated = sim.disk(1)
      if (harm === 'full') simulated.limit(simulated.usedBytes)
      else
        simulated.arm({ call: 'create', code: harm === 'failing' ? 'EIO' : 'EACCES', times: 100 })
      standing.admitted()
      await sim.run(5_000)
      t.same(failures, harm === 'failing' ? ['disk-failed'] : [])
      t.match(await sim.complete(readStanding(directory)), { state: 'new' })
      if (harm === 'failing') return
      simulated.limit()
      simulated.disarm()
      await sim.run(2_000)
      t.match(await sim.complete(readStanding(directory)), { state: 'whole' })
      simulated.limit(simulated.usedBytes)
      standing.admitted()
      await sim.complete(standing.close())
    },
  )
}
