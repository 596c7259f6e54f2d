/**
 * Asks every member that is not gone for its status, also one that owns nothing yet; one that does
 * not answer has a row too.
 */
import { isOperatingError } from '../../base/errors.ts'
import type { Client, ClusterView, NodeStatus } from '../../client/client.ts'
import { addressLabel } from '../../world/network.ts'
import { type ConnectionOptions, millisecondsOf, withClient } from '../cluster-options.ts'

/** A node that does not answer must not hold up the others' rows. */
const NODE_MS_MAX = 2_000

export interface Member extends Omit<ClusterView['members'][number], 'peerPort'> {
  /** False: it has joined, and no table names it yet. */
  readonly isInRing: boolean
}

export interface MemberRow {
  readonly member: Member
  /** Undefined where it did not answer. */
  readonly status: NodeStatus | undefined
  readonly reason: string | undefined
}

/** All members, in the order of their names, and a client that reaches each. */
export interface Reached {
  readonly client: Client
  readonly cluster: ClusterView
  readonly members: readonly Member[]
}

export function withMembers<T>(
  options: ConnectionOptions,
  work: (reached: Reached) => Promise<T>,
): Promise<T> {
  return withClient(options, async (client) => {
    const cluster = await client.topology()
    const outside = await outsideOf(client, cluster)
    const inside = cluster.members.map((member) => ({ ...member, isInRing: true }))
    const members = byName([...inside, ...outside])
    if (outside.length === 0) return work({ client, cluster, members })
    // No topology tells of these.
    const seeds = [options.seeds, ...outside.map(addressOf)].join(',')
    return withClient({ ...options, seeds }, (all) => work({ client: all, cluster, members }))
  })
}

async function outsideOf(client: Client, { members }: ClusterView): Promise<readonly Member[]> {
  const inside = new Set(members.map(({ id }) => id))
  const status = await client.operator.status({})
  return status.members
    .filter(({ node, state }) => state !== 'gone' && !inside.has(node))
    .map(({ node: id, name, host, clientPort, machine, zone }) => {
      return { id, name, host, clientPort, machine, zone, isInRing: false }
    })
}

/** The members in the same order. */
export function askNodes(
  { client, members }: Reached,
  options: ConnectionOptions,
): Promise<MemberRow[]> {
  const timeout = Math.min(millisecondsOf(options.timeout), NODE_MS_MAX)
  return Promise.all(members.map((member) => ask(client, member, timeout)))
}

/** Members in the order of their names. */
export function byName<One extends Pick<Member, 'name'>>(members: readonly One[]): readonly One[] {
  return members.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

async function ask(client: Client, member: Member, timeout: number): Promise<MemberRow> {
  try {
    // A seed may have another address than its member says: its name finds it all the same.
    const node = member.isInRing ? member.name : addressOf(member)
    const status = await client.status(node, { timeout })
    return { member, status, reason: undefined }
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return { member, status: undefined, reason: error.message }
  }
}

function addressOf({ host, clientPort }: Member): string {
  return addressLabel({ host, port: clientPort })
}
