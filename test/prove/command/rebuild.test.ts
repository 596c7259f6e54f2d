/** A node that has its data is not rebuilt, however it is asked for. */
import t from 'tap'
import { everwrite, ServedCluster } from '../../support/served-cluster.ts'

t.test(
  '--rebuild on a directory that is not empty exits 2, and the node starts without',
  async (t) => {
    const cluster = await ServedCluster.start({ nodes: 1 })
    t.teardown(() => cluster.stop())
    await cluster.stopNode(0)
    const name = cluster.members[0]?.name as string
    const argv = ['serve', '--config', cluster.config, '--name', name, '--data', cluster.data(0)]
    for (const flags of [['--rebuild'], ['--rebuild', '--check']]) {
      const { code, stderr } = await everwrite([...argv, ...flags], { limitMs: 20_000 })
      t.equal(code, 2, flags.join(' '))
      t.match(stderr, /--rebuild .* is for an empty directory.*start it without.*\(config-wrong\)/)
    }
    await cluster.startNode(0)
  },
)
