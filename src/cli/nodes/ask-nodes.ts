/** Asks every node of a cluster for its status; one that does not answer has a row too. */
import { isOperatingError } from '../../base/errors.ts'
import type { Client, ClusterView, NodeStatus } from '../../client/client.ts'
import { type ConnectionOptions, millisecondsOf } from '../cluster-options.ts'

/** A node that does not answer must not hold up the others' rows. */
const NODE_MS_MAX = 2_000

export interface MemberRow {
  readonly member: ClusterView['members'][number]
  /** Undefined where it did not answer. */
  readonly status: NodeStatus | undefined
  readonly reason: string | undefined
}

/** The nodes in the order of their names. */
export function askNodes(
  client: Client,
  { members }: ClusterView,
  options: ConnectionOptions,
): Promise<MemberRow[]> {
  const timeout = Math.min(millisecondsOf(options.timeout), NODE_MS_MAX)
  return Promise.all(byName(members).map((member) => ask(client, member, timeout)))
}

/** Members in the order of their names. */
export function byName(members: ClusterView['members']): ClusterView['members'] {
  return members.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

async function ask(
  client: Client,
  member: MemberRow['member'],
  timeout: number,
): Promise<MemberRow> {
  try {
    return { member, status: await client.status(member.name, { timeout }), reason: undefined }
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return { member, status: undefined, reason: error.message }
  }
}
