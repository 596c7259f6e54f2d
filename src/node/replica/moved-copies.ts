/**
 * Takes copies that a bulk transfer has brought as records of another member's log.
 *
 * Where nothing is here of a key, as nearly always, its record is appended as it is: many in one
 * step, and without being decoded where it is one value that has replaced nothing. A key that is
 * here, or on which a step is under way, is merged as in an exchange, one after another.
 *
 * Requires: the member that gives them is whole. So it has all that its floor says, and what it
 * gives is taken as from an owner of the same round (`dynamo/repair/late.ts`).
 */
import { isFailure, perform } from '../../base/deliver.ts'
import { type ErrorCode, isOperatingError, type OperatingError } from '../../base/errors.ts'
import { type CopyId, ID_BYTES, type NodeId, type Start, startIdOf } from '../../dynamo/names.ts'
import { isDone } from '../../dynamo/repair/floor.ts'
import { decodeObject, layoutOf, soleDotAt } from '../../dynamo/version/object-bytes.ts'
import { keptUnder } from '../../dynamo/version/last-write.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Token } from '../../native/digest.ts'
import { MERKLE_ENTRY_WORDS } from '../../native/merkle.ts'
import type { MovedRecords, Transfers } from '../../store/engine.ts'
import type { Counters } from '../counters.ts'
import type { MovedAppend } from './copy-writer.ts'
import type { Floors } from './floors.ts'
import type { Replica } from './replica.ts'
import type { Trees } from './trees.ts'

export interface MovedCopiesDependencies {
  readonly replica: Replica
  readonly transfers: Transfers
  readonly trees: Trees
  readonly floors: Pick<Floors, 'adopted'>
  readonly counters: Counters
  /** Ends the connection to a member that gave this object, and says why, if it lies. */
  readonly lieIn: (node: NodeId, object: VersionedObject) => OperatingError | undefined
}

/** What was asked for, and of which member. */
export interface Asked {
  readonly from: NodeId
  readonly n: number
  readonly isAsked: (token: Token) => boolean
  /** What was asked for may have moved, or have gone elsewhere, meanwhile. */
  readonly isWanted: (token: Token) => boolean
}

/** Records of one page, from an index up to another one, not included. */
export interface Slice {
  readonly records: MovedRecords
  readonly first: number
  readonly end: number
}

/** Where a dot has its start. */
const START_AT = ID_BYTES

export class MovedCopies {
  readonly #node: MovedCopiesDependencies

  constructor(dependencies: MovedCopiesDependencies) {
    this.#node = dependencies
  }

  /** Resolves with why a copy could not be taken, if so; others of the slice may then be here. */
  async take({ records, first, end }: Slice, asked: Asked): Promise<ErrorCode | undefined> {
    const gathered = new Gathered(records, asked.n, end - first)
    const others: number[] = []
    const tokens = new Set<number>()
    const isAbsent = this.#node.transfers.absent(records, first, end)
    for (let i = first; i < end; i++) {
      const token = records.tokenAt(i)
      if (records.nAt(i) !== asked.n || !asked.isAsked(token)) return 'message-garbled'
      if (!asked.isWanted(token)) continue
      // Two records of one key must not both be appended.
      const isAlone = !tokens.has(token.lo) && isAbsent(i) && this.#isIdle(records, i)
      tokens.add(token.lo)
      if (!isAlone || !this.#gather(gathered, i)) others.push(i)
    }
    const lie = gathered.objects.find(({ object }) => this.#node.lieIn(asked.from, object))
    if (lie !== undefined) return 'peer-lies'
    return this.#append(gathered) ?? (await this.#mergeAll(records, others, asked))
  }

  /** No step is under way on the key, and no leaf of the trees is being read. */
  #isIdle(records: MovedRecords, index: number): boolean {
    const { trees, replica } = this.#node
    return trees.isQuiet && (!replica.hasSteps || !replica.isBusy(records.copyAt(index)))
  }

  /** False where the record cannot be appended as it is. */
  #gather(gathered: Gathered, index: number): boolean {
    const { replica, floors } = this.#node
    const { records } = gathered
    const object = records.objectAt(index)
    const dotAt = soleDotAt(object)
    const start = dotAt === undefined ? undefined : gathered.startAt(object, dotAt + START_AT)
    const isSole = start !== undefined && start !== replica.start
    const decoded = isSole ? undefined : decodeObject(object)
    // Merging refuses what is garbled, and leaves out what would go at once.
    if (!isSole && (decoded === undefined || isDone(decoded, floors.adopted.floor))) return false
    if (decoded !== undefined && keptUnder(records.policyAt(index), decoded) !== decoded)
      return false
    const { siblingsAt, valuesAt } = layoutOf(object)
    const { prefixBytes, digestStart } = records.layoutAt(index)
    if (prefixBytes !== valuesAt || digestStart !== siblingsAt) return false
    if (decoded === undefined) gathered.addSole(index, start as Start)
    else gathered.addObject(index, decoded)
    return true
  }

  #append(gathered: Gathered): ErrorCode | undefined {
    const { replica, counters } = this.#node
    try {
      replica.writer.appendMoved(gathered)
    } catch (error) {
      if (isOperatingError(error)) return error.code
      throw error
    }
    counters.transferredCopies += gathered.indexes.length
    return undefined
  }

  async #mergeAll(
    records: MovedRecords,
    indexes: readonly number[],
    { from, isWanted }: Asked,
  ): Promise<ErrorCode | undefined> {
    const { replica, floors, counters, lieIn } = this.#node
    for (const index of indexes) {
      // It may have moved while those before it were merged.
      if (!isWanted(records.tokenAt(index))) continue
      const object = decodeObject(records.objectAt(index))
      if (object === undefined) return 'message-garbled'
      const lie = lieIn(from, object)
      if (lie !== undefined) return lie.code
      const hasChanged = await new Promise<boolean | OperatingError>((resolve) => {
        perform(() => replica.exchange(records.copyAt(index), object, floors.adopted), resolve)
      })
      if (isFailure(hasChanged)) return hasChanged.code
      if (hasChanged) counters.transferredCopies += 1
    }
    return undefined
  }
}

/** What is appended as it is. */
class Gathered implements MovedAppend {
  readonly records: MovedRecords
  readonly n: number
  readonly indexes: number[] = []
  readonly entries: Uint32Array
  readonly starts = new Map<Start, number>()
  readonly objects: { readonly copy: CopyId; readonly object: VersionedObject }[] = []
  /** The start that was read last, and its bytes: the next one is the same nearly always. */
  #start: Start | undefined
  #startBytes = new Uint8Array(0)

  constructor(records: MovedRecords, n: number, countMax: number) {
    this.records = records
    this.n = n
    this.entries = new Uint32Array(MERKLE_ENTRY_WORDS * countMax)
  }

  addSole(index: number, start: Start): void {
    this.starts.set(start, (this.starts.get(start) ?? 0) + 1)
    this.#add(index)
  }

  addObject(index: number, object: VersionedObject): void {
    this.objects.push({ copy: this.records.copyAt(index), object })
    this.#add(index)
  }

  startAt(bytes: Uint8Array, at: number): Start {
    for (let i = 0; i < ID_BYTES && this.#start !== undefined; i++) {
      if (bytes[at + i] !== this.#startBytes[i]) this.#start = undefined
    }
    this.#startBytes = this.#start === undefined ? bytes.slice(at, at + ID_BYTES) : this.#startBytes
    this.#start ??= startIdOf(bytes, at)
    return this.#start
  }

  #add(index: number): void {
    const { records, entries, indexes } = this
    const [token, digest] = [records.tokenAt(index), records.digestAt(index)]
    const at = MERKLE_ENTRY_WORDS * indexes.length
    entries[at] = token.hi
    entries[at + 1] = token.lo
    entries[at + 2] = digest.hi
    entries[at + 3] = digest.lo
    indexes.push(index)
  }
}
