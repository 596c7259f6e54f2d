/** A cluster whose nodes can be given other addresses, or other lists of members. */
import type { Config } from '../../../../src/config.ts'
import type { Membership } from '../../../../src/node/cluster/membership.ts'
import { Cluster, type ClusterOptions } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { Scene } from '../scene.ts'

class MovingCluster extends Cluster {
  readonly #ports = new Map<number, number>()
  /** Of the configuration of nodes that start from now on. */
  change: (config: Config) => Config = (config) => config

  /** The peer port that a node states itself; the lists of the others stay as they were. */
  move(machine: number, peerPort: number): void {
    this.#ports.set(machine, peerPort)
  }

  override configOf(machine: number): Config {
    const config = this.change(super.configOf(machine))
    const peerPort = this.#ports.get(machine)
    if (peerPort === undefined) return config
    const { members, name, peerListen } = config
    return {
      ...config,
      peerListen: { ...peerListen, port: peerPort },
      members: members.map((one) => (one.name === name ? { ...one, peerPort } : one)),
    }
  }
}

export class Moving {
  readonly scene: Scene
  readonly cluster: MovingCluster

  private constructor(scene: Scene, cluster: MovingCluster) {
    this.scene = scene
    this.cluster = cluster
  }

  static async open(options: Partial<ClusterOptions> & { seed?: number } = {}): Promise<Moving> {
    const { seed = 1, ...rest } = options
    const world = new SimWorld({ seed })
    const cluster = new MovingCluster(world, { nodes: 3, ...rest })
    await cluster.startAll()
    return new Moving(new Scene(world, cluster), cluster)
  }
}

export function membershipOf({ cluster }: Scene, machine: number): Membership {
  const node = cluster.node(machine)
  if (node === undefined) throw new Error(`node ${machine} does not run`)
  return node.membership
}
