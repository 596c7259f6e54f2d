/**
 * The bulk transfers to this member: one from each member that fills places here, for each N.
 *
 * A move waits until the transfer has brought what it brings of its partition; then exchanges do
 * the rest (`mover.ts`). At most `TRANSFER_DONORS_MAX` run at once. How far they are is kept in the
 * file `transfers`, so that a restart asks for little twice.
 *
 * Where the engine has no bulk transfers there are none, and exchanges bring all.
 */
import type { ErrorCode } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { TRANSFER_DONORS_MAX } from '../../limits.ts'
import type { Engine } from '../../store/engine.ts'
import { type KeptTransfer, readTransfers, writeTransfers } from '../../store/transfers.ts'
import type { Directory } from '../../world/disk.ts'
import { KeptFile } from '../replica/kept-file.ts'
import { MovedCopies } from '../replica/moved-copies.ts'
import type { Trees } from '../replica/trees.ts'
import { Transfer, type TransferDependencies } from './transfer.ts'

export interface TransfersDependencies
  extends Omit<TransferDependencies, 'transfers' | 'copies' | 'onProgress' | 'nextRun'> {
  readonly engine: Pick<Engine, 'transfers'>
  readonly trees: Trees
  /** Undefined if the engine is not durable. */
  readonly directory: Directory | undefined
}

/** What one member is to bring, of buckets with one N. */
export interface Wanted {
  readonly from: NodeId
  readonly n: number
  readonly partitions: readonly number[]
}

export class Transfers {
  readonly #node: TransfersDependencies
  readonly #shared: TransferDependencies | undefined
  readonly #file: KeptFile
  #transfers: Transfer[] = []
  #runs = 0
  /** Undefined until the file is read. */
  #kept: readonly KeptTransfer[] | undefined

  constructor(dependencies: TransfersDependencies) {
    const { engine, peers, clock, directory } = (this.#node = dependencies)
    const { transfers } = engine
    this.#file = new KeptFile({
      clock,
      write: () => this.#write(),
      of: 'how far bulk transfers are',
      // A restart then begins passes anew; a disk that fails is noticed by the log.
      onFailed: () => undefined,
    })
    if (directory === undefined) this.#kept = []
    if (transfers === undefined) return
    const lieIn: typeof peers.lieIn = (node, object) => peers.lieIn(node, object)
    const copies = new MovedCopies({ ...dependencies, transfers, lieIn })
    const onProgress = (): void => void this.#file.save()
    const nextRun = (): number => ++this.#runs
    this.#shared = { ...dependencies, transfers, copies, onProgress, nextRun }
  }

  /** This is wanted now, and nothing else: begins what can begin. */
  async want(wanted: readonly Wanted[]): Promise<void> {
    const { directory } = this.#node
    if (this.#shared === undefined) return
    this.#kept ??= directory && (await readTransfers(directory).catch(() => []))
    const before = this.#transfers
    this.#transfers = wanted.map(({ from, n, partitions }) => {
      const transfer = this.#of(from, n)
      transfer.want(partitions)
      return transfer
    })
    for (const one of before) if (!this.#transfers.includes(one)) one.want([])
    if (before.length > 0 && wanted.length === 0) void this.#file.save()
    let running = [...before, ...this.#transfers].filter((one) => one.isRunning).length
    for (const one of this.#transfers) {
      if (one.isRunning || !one.isWanted || !this.#node.mayGo()) continue
      if (running >= TRANSFER_DONORS_MAX) return
      running += 1
      void one.run()
    }
  }

  #of(from: NodeId, n: number): Transfer {
    const isOne = (one: { readonly from: NodeId; readonly n: number }): boolean =>
      one.from === from && one.n === n
    const known = this.#transfers.find(isOne)
    if (known !== undefined) return known
    const kept = this.#kept?.find(isOne)
    this.#kept = this.#kept?.filter((one) => one !== kept)
    return new Transfer(this.#shared as TransferDependencies, from, n, kept)
  }

  /** Whether it has been brought, as far as it is; always where there are no transfers. */
  has(from: NodeId, n: number, partition: number): boolean {
    if (this.#shared === undefined) return true
    const transfer = this.#transfers.find((one) => one.from === from && one.n === n)
    return transfer?.has(partition) ?? false
  }

  /** Why one of them does not go on. */
  get obstacle(): readonly [from: NodeId, code: ErrorCode] | undefined {
    for (const { failure, from, isWanted } of this.#transfers) {
      if (isWanted && failure !== undefined) return [from, failure]
    }
    return undefined
  }

  /** Resolves when the file is written. */
  stop(): Promise<void> {
    return this.#file.close()
  }

  async #write(): Promise<void> {
    const { directory } = this.#node
    if (directory === undefined) return
    await writeTransfers(
      directory,
      this.#transfers.map(({ kept }) => kept),
    )
  }
}
