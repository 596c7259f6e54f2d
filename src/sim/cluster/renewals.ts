/**
 * Machines whose member has left the cluster for good, or whose joined member has lost its disk:
 * a new member joins from there, by an invitation of a node that runs.
 *
 *     the operator lets a member leave ─► its node ends (`member-gone`) ─► an empty disk ─► joins
 *
 * Each start asks for what it needs once more: a node that was interrupted while it joined goes on
 * under the id that it has written down, and one that has joined starts from its directory.
 */
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { joinCluster, type Joined, joinedBefore } from '../../node/cluster/join.ts'
import { type Invitation, readInvitation } from '../../wire/invitation.ts'
import type { Address } from '../../world/network.ts'
import type { World } from '../../world/world.ts'
import { invitationOf } from '../seed/thin-client.ts'

export class Renewals {
  /** By machine, the id of the new member; undefined until it has joined. */
  readonly #members = new Map<number, NodeId | undefined>()
  readonly #invitations = new Map<number, Invitation>()
  /** Members that have joined. */
  joined = 0

  /** From now on the member that its machine had is no member any more. */
  begin(machine: number): void {
    this.#members.set(machine, undefined)
  }

  has(machine: number): boolean {
    return this.#members.has(machine)
  }

  /** A new member is to come, and has not joined. */
  isJoining(machine: number): boolean {
    return this.has(machine) && this.#members.get(machine) === undefined
  }

  memberOf(machine: number): NodeId | undefined {
    return this.#members.get(machine)
  }

  /**
   * The configuration to start with, of a machine that has a new member: joins unless it has.
   * `issuers`: the client addresses of nodes that run. Rejects as `joinCluster` does.
   */
  async configOf(
    machine: number,
    config: Config,
    issuers: readonly Address[],
    world: World,
  ): Promise<Config> {
    const known = await joinedBefore(config.directory, config.cluster, world)
    if (known === undefined) this.#members.set(machine, undefined)
    const joined = known ?? (await this.#join(machine, config, issuers, world))
    if (known === undefined) this.joined += 1
    this.#members.set(machine, joined.node)
    this.#invitations.delete(machine)
    return { ...config, id: joined.node, members: [ownEntry(config)] }
  }

  async #join(
    machine: number,
    config: Config,
    issuers: readonly Address[],
    world: World,
  ): Promise<Joined> {
    const invitation = this.#invitations.get(machine) ?? (await invitationFrom(issuers, world))
    this.#invitations.set(machine, invitation)
    const { address } = invitation
    const { cluster, partitions, defaults, buckets, directory } = config
    const facts = ownEntry(config)
    const given = { cluster, facts, partitions, n: defaults.n, buckets, directory }
    try {
      return await joinCluster({ address, invitation, ...given }, world)
    } catch (error) {
      // Its issuer may have restarted, and knows it no more: the next start asks for another one.
      this.#invitations.delete(machine)
      throw error
    }
  }
}

function ownEntry({ name, members }: Config): Config['members'][number] {
  return members.find((one) => one.name === name) as Config['members'][number]
}

async function invitationFrom(issuers: readonly Address[], world: World): Promise<Invitation> {
  let failure: unknown
  for (const address of issuers) {
    try {
      return readInvitation(await invitationOf(world, address))
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
