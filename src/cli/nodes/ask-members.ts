/** Finds the node to ask for a change of the cluster, or asks all members. */
import { isOperatingError } from '../../base/errors.ts'
import type { Client } from '../../client/client.ts'
import type { Operator } from '../../client/operator.ts'
import type { ClusterMember, ClusterStatusReply } from '../../wire/message/cluster.ts'
import { addressLabel } from '../../world/network.ts'
import { type ConnectionOptions, millisecondsOf, withClient } from '../cluster-options.ts'

export interface AtOptions extends ConnectionOptions {
  readonly at?: string
}

/** One node that is asked several things in a row. */
export interface Asked {
  readonly operator: Operator
  readonly at: string
  readonly timeout: number
}

/** A node that does not answer must not hold up the others. */
const NODE_MS_MAX = 2_000

/** Lets `work` ask the node of --at, or the first seed that answers. */
export function withNode<T>(options: AtOptions, work: (node: Asked) => Promise<T>): Promise<T> {
  const seeds = options.at ?? options.seeds
  const timeout = millisecondsOf(options.timeout)
  const ask = async (client: Client): Promise<T> => {
    const at = await answering(client, seeds.split(','), timeout)
    return await work({ operator: client.operator, at, timeout })
  }
  // A change that is asked twice finds itself done, and says so in other words.
  return withClient({ ...options, seeds }, ask, timeout)
}

async function answering(
  client: Client,
  seeds: readonly string[],
  timeout: number,
): Promise<string> {
  let failure: unknown
  for (const at of seeds) {
    try {
      await client.operator.status({ at, timeout: Math.min(timeout, NODE_MS_MAX) })
      return at
    } catch (error) {
      if (!isOperatingError(error)) throw error
      failure ??= error
    }
  }
  throw failure
}

export interface MemberAnswer<Answer> {
  readonly member: ClusterMember
  /** Undefined where it did not answer. */
  readonly answer: Answer | undefined
  readonly reason: string | undefined
}

/** Asks each member that is not gone, at the address of its record. */
export function askMembers<Answer>(
  options: ConnectionOptions,
  { members }: ClusterStatusReply,
  ask: (operator: Operator, at: string, timeout: number) => Promise<Answer>,
): Promise<MemberAnswer<Answer>[]> {
  const present = members.filter(({ state }) => state !== 'gone')
  const seeds = present.map(addressOf).join(',')
  const timeout = Math.min(millisecondsOf(options.timeout), NODE_MS_MAX)
  return withClient({ ...options, seeds }, ({ operator }) => {
    return Promise.all(
      present.map(async (member): Promise<MemberAnswer<Answer>> => {
        try {
          const answer = await ask(operator, addressOf(member), timeout)
          return { member, answer, reason: undefined }
        } catch (error) {
          if (!isOperatingError(error)) throw error
          return { member, answer: undefined, reason: error.message }
        }
      }),
    )
  })
}

function addressOf({ host, clientPort }: ClusterMember): string {
  return addressLabel({ host, port: clientPort })
}
