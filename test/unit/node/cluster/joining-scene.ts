/** A cluster of three, and a fourth machine that joins it by an invitation of the first. */
import { isOperatingError } from '../../../../src/base/errors.ts'
import type { Config } from '../../../../src/config.ts'
import { joinCluster, type Joined } from '../../../../src/node/cluster/join.ts'
import { Cluster, type ClusterOptions } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { type Invitation, readInvitation } from '../../../../src/wire/invitation.ts'
import { replyOf, Scene } from '../scene.ts'

/** The machine of the joiner. */
export const NEW = 4

class GrowingCluster extends Cluster {
  joined: Joined | undefined
  /** Of the joiner's configuration. */
  change: (config: Config) => Config = (config) => config

  override configOf(machine: number): Config {
    const config = super.configOf(machine)
    if (machine !== NEW) return config
    const [first] = config.members
    const { host, port: clientPort } = config.clientListen
    const own = { ...first, name: config.name, host, clientPort, machine: `m${NEW}` }
    const { peerPort = config.peerListen.port, zone = '', weight = 1 } = own
    const alone = { ...config, members: [{ ...own, peerPort, zone, weight }] }
    return this.change({ ...alone, id: this.joined?.node ?? config.id })
  }
}

export class JoiningScene extends Scene {
  readonly growing: GrowingCluster

  private constructor(world: SimWorld, cluster: GrowingCluster) {
    super(world, cluster)
    this.growing = cluster
  }

  static override async open(
    options: Partial<ClusterOptions> & { seed?: number } = {},
  ): Promise<JoiningScene> {
    const { seed = 1, ...rest } = options
    const world = new SimWorld({ seed })
    const cluster = new GrowingCluster(world, { nodes: 3, ...rest })
    await cluster.startAll()
    return new JoiningScene(world, cluster)
  }

  async invite(machine = 1): Promise<Invitation> {
    const session = await this.session(machine)
    const { invitation } = replyOf(await session.ask('invite', { deadlineMs: 1_000 }))
    return readInvitation(invitation)
  }

  /** Lets the new machine in; it does not start yet. Rejects with what it is refused for. */
  async join(invitation: Invitation): Promise<Joined> {
    const { cluster, members, partitions, defaults, buckets, directory } =
      this.growing.configOf(NEW)
    const [facts] = members as [Config['members'][number]]
    const given = { partitions, n: defaults.n, buckets, directory }
    const terms = { address: invitation.address, invitation, cluster, facts, ...given }
    const world = this.world.start(NEW)
    try {
      this.growing.joined = await this.run(joinCluster(terms, world))
      return this.growing.joined
    } finally {
      this.world.kill(NEW)
    }
  }

  /** Lets it in, starts it, and lets time pass until all see each other. */
  async grow(): Promise<Joined> {
    const joined = await this.join(await this.invite())
    await this.start()
    return joined
  }

  async start(): Promise<void> {
    await this.run(this.cluster.start(NEW))
    await this.meet()
  }

  /** Resolves once each of the four that run is connected to all others that run. */
  async meet(): Promise<boolean> {
    const nodes = [1, 2, 3, NEW].flatMap((machine) => this.cluster.node(machine) ?? [])
    const isMet = (): boolean =>
      nodes.every((node) => {
        const connected = node.status().peers.filter((peer) => peer.isConnected)
        return connected.length === nodes.length - 1
      })
    return this.world.runUntil(isMet, 30_000)
  }

  /** The code that a promise is rejected with. */
  async codeOf(promise: Promise<unknown>): Promise<string> {
    try {
      await this.run(promise)
      return 'none'
    } catch (error) {
      if (isOperatingError(error)) return error.code
      throw error
    }
  }
}
