/**
 * Requests about buckets that are created: from the wire's message to `bucket-operations.ts`, and
 * its result to the reply.
 *
 * Where clients on other machines need no token, none is created or renamed for them: a stranger
 * could take a name away.
 */
import { OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import type { BucketReply } from '../../wire/message/bucket.ts'
import type { IncomingCallOf } from '../../wire/session.ts'
import {
  BucketOperations,
  type BucketOperationsDependencies,
  type ChangedBucket,
} from '../cluster/bucket-operations.ts'
import type { OperatorCalls } from './operator-calls.ts'
import { isOpenToStrangers } from './refuse-insecure.ts'

export interface BucketRequestsDependencies extends BucketOperationsDependencies {
  readonly config: Pick<Config, 'clientListen' | 'clientToken'>
}

export class BucketRequests {
  readonly #node: BucketRequestsDependencies
  readonly #operations: BucketOperations

  readonly #calls: OperatorCalls

  constructor(dependencies: BucketRequestsDependencies, calls: OperatorCalls) {
    this.#node = dependencies
    this.#calls = calls
    this.#operations = new BucketOperations(dependencies)
  }

  create(call: IncomingCallOf<'bucketCreate'>): void {
    const { terms } = call.request
    this.#calls.answer('bucketCreate', call, async () => {
      this.#refuseStrangers()
      return this.#replyOf(await this.#operations.create(terms, call.deadline))
    })
  }

  rename(call: IncomingCallOf<'bucketRename'>): void {
    const { from, to } = call.request
    this.#calls.answer('bucketRename', call, async () => {
      this.#refuseStrangers()
      return this.#replyOf(await this.#operations.rename(from, to, call.deadline))
    })
  }

  #replyOf({ record, untold }: ChangedBucket): BucketReply {
    const { topology } = this.#node
    const shown = topology.buckets.find(({ created }) => created?.creation === record.creation)
    return { bucket: record, shown: shown?.name ?? record.name, untold }
  }

  #refuseStrangers(): void {
    const { config } = this.#node
    if (!isOpenToStrangers(config)) return
    throw new OperatingError(
      'bind-insecure',
      `clients reach ${config.clientListen.host} without a token, so this node creates and` +
        ' renames no buckets for them: set client-token-file',
    )
  }
}
