/**
 * A simulated file: the bytes that reads see, the bytes that survive a crash, and the changes not
 * yet synced between the two.
 *
 *     cached   = durable, then every change        (what a running system shows)
 *     durable                                      (what is left after a power cut, at least)
 *     unsynced = changes in order, each with its own copy of the bytes
 *
 * A crash applies *some* of the unsynced changes to `durable`, as disks do: none, all, the first
 * few and a torn one, or sectors here and there. A failed sync does the same at once and then
 * forgets the rest: the cache goes on showing bytes that no later sync will bring to the disk
 * (what PostgreSQL met in 2018).
 *
 * Invariant: bytes that a successful sync covered are in `durable`, unless a fault was armed.
 */
import type { Prng } from '../../base/prng.ts'

const SECTOR_BYTES = 512

/** Growable bytes; what was never written reads as zeros. */
export class Content {
  #bytes = new Uint8Array(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  read(position: number, into: Uint8Array, start: number, length: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position))
    if (count > 0) into.set(this.#bytes.subarray(position, position + count), start)
    return count
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    this.#reserve(end)
    this.#bytes.set(bytes, position)
    this.#size = Math.max(this.#size, end)
  }

  truncate(size: number): void {
    this.#reserve(size)
    if (size < this.#size) this.#bytes.fill(0, size, this.#size)
    this.#size = size
  }

  flip(position: number, mask: number): void {
    if (position < this.#size) this.#bytes[position] = (this.#bytes[position] as number) ^ mask
  }

  copyFrom(other: Content): void {
    this.#bytes = other.#bytes.slice(0, other.#size)
    this.#size = other.#size
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length, 256))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }
}

/** A write, or a change of size where there are no bytes. */
interface Change {
  readonly position: number
  readonly bytes: Uint8Array | undefined
  /** Where a disk that errs puts it. */
  readonly landing: number | 'nowhere'
}

export class Inode {
  readonly cached: Content = new Content()
  readonly durable: Content = new Content()
  #unsynced: Change[] = []
  /** Changes that were synced or given up, ever: the number of the first unsynced one. */
  #removed = 0
  /** Writes that were asked for and not yet answered. */
  readonly #underWay = new Set<Change>()

  /** A file that was there all along. */
  static of(bytes: Uint8Array): Inode {
    const inode = new Inode()
    inode.durable.write(0, bytes)
    inode.cached.copyFrom(inode.durable)
    return inode
  }

  /** Changes so far: what a sync that begins now will cover. */
  mark(): number {
    return this.#removed + this.#unsynced.length
  }

  /** A write was asked for; the function returned takes it off the list of those under way. */
  begin(position: number, bytes: Uint8Array): () => void {
    const change = { position, bytes, landing: position }
    this.#underWay.add(change)
    return () => this.#underWay.delete(change)
  }

  write(position: number, bytes: Uint8Array, landing: number | 'nowhere' = position): void {
    this.cached.write(position, bytes)
    this.#unsynced.push({ position, bytes: bytes.slice(), landing })
  }

  truncate(size: number): void {
    this.cached.truncate(size)
    this.#unsynced.push({ position: size, bytes: undefined, landing: size })
  }

  sync(mark: number): void {
    for (const change of this.#take(mark)) apply(this.durable, change)
  }

  failSync(mark: number, prng: Prng): void {
    keepSome(this.durable, this.#take(mark), prng)
  }

  /** The process died: each write under way was done, or begun, or not. */
  interrupt(prng: Prng): void {
    for (const { position, bytes } of this.#underWay) {
      if (bytes === undefined || prng.chance(0.5)) continue
      this.write(position, bytes.subarray(0, prng.below(bytes.length + 1)))
    }
    this.#underWay.clear()
  }

  /** The power went: what was not synced stays in part, and the cache is lost. */
  crash(prng: Prng): void {
    this.interrupt(prng)
    keepSome(this.durable, this.#take(this.mark()), prng)
    this.cached.copyFrom(this.durable)
  }

  /** The cache gives up its clean pages: reads see the disk, and what is still unsynced. */
  evict(): void {
    this.cached.copyFrom(this.durable)
    for (const { position, bytes } of this.#unsynced) {
      if (bytes === undefined) this.cached.truncate(position)
      else this.cached.write(position, bytes)
    }
  }

  #take(mark: number): readonly Change[] {
    const taken = this.#unsynced.splice(0, mark - this.#removed)
    this.#removed += taken.length
    return taken
  }
}

function apply(durable: Content, { landing, bytes }: Change): void {
  if (landing === 'nowhere') return
  if (bytes === undefined) durable.truncate(landing)
  else durable.write(landing, bytes)
}

/** Any part of unsynced changes may be on the disk; this draws one of the usual shapes. */
function keepSome(durable: Content, changes: readonly Change[], prng: Prng): void {
  if (changes.length === 0) return
  const shape = prng.pick(['none', 'all', 'beginning', 'scattered'] as const)
  if (shape === 'none') return
  if (shape === 'scattered') {
    for (const change of changes) keepSectors(durable, change, prng)
    return
  }
  const whole = shape === 'all' ? changes.length : prng.below(changes.length)
  for (const change of changes.slice(0, whole)) apply(durable, change)
  const torn = changes[whole]
  if (torn !== undefined) keepBeginning(durable, torn, prng)
}

function keepBeginning(durable: Content, change: Change, prng: Prng): void {
  const { landing, bytes } = change
  if (landing === 'nowhere' || bytes === undefined || bytes.length === 0) return
  const first = Math.floor(landing / SECTOR_BYTES)
  const sectors = Math.ceil((landing + bytes.length) / SECTOR_BYTES) - first
  const end = (first + prng.below(sectors)) * SECTOR_BYTES
  if (end > landing) durable.write(landing, bytes.subarray(0, end - landing))
}

function keepSectors(durable: Content, change: Change, prng: Prng): void {
  const { landing, bytes } = change
  if (landing === 'nowhere') return
  if (bytes === undefined) {
    if (prng.chance(0.5)) durable.truncate(landing)
    return
  }
  for (let at = 0; at < bytes.length; ) {
    const count = SECTOR_BYTES - ((landing + at) % SECTOR_BYTES)
    if (prng.chance(0.5)) durable.write(landing + at, bytes.subarray(at, at + count))
    at += count
  }
}
