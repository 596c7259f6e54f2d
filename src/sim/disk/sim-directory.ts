/**
 * A simulated directory: the names that programs see, the names that survive a crash, and the
 * changes not yet synced between the two.
 *
 * Creating, renaming and removing change the directory, not the file. A crash keeps some of these
 * changes until the directory itself was synced, whether or not the file's bytes are durable.
 *
 * Invariant: an inode has at most one durable name. A crash keeps a rename whole or not at all.
 */
import type { Prng } from '../../base/prng.ts'
import type { Inode } from './sim-file.ts'

type NameChange =
  | { readonly kind: 'create'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly inode: Inode }
  | { readonly kind: 'remove'; readonly name: string }

/** Names of inodes: an inode has one, and loses it when it gets another. */
class Names {
  readonly #byName = new Map<string, Inode>()
  readonly #byInode = new Map<Inode, string>()

  static of(other: Names): Names {
    const names = new Names()
    for (const [name, inode] of other.entries()) names.set(name, inode)
    return names
  }

  get(name: string): Inode | undefined {
    return this.#byName.get(name)
  }

  set(name: string, inode: Inode): void {
    const before = this.#byInode.get(inode)
    if (before !== undefined) this.#byName.delete(before)
    this.delete(name)
    this.#byName.set(name, inode)
    this.#byInode.set(inode, name)
  }

  delete(name: string): void {
    const inode = this.#byName.get(name)
    if (inode === undefined) return
    this.#byName.delete(name)
    this.#byInode.delete(inode)
  }

  sorted(): readonly string[] {
    return [...this.#byName.keys()].sort()
  }

  entries(): Iterable<[string, Inode]> {
    return this.#byName
  }

  inodes(): Iterable<Inode> {
    return this.#byName.values()
  }
}

export class SimDirectory {
  readonly path: string
  #names = new Names()
  readonly #durable = new Names()
  #unsynced: NameChange[] = []
  #removed = 0

  constructor(path: string) {
    this.path = path
  }

  names(): readonly string[] {
    return this.#names.sorted()
  }

  inodes(): Iterable<Inode> {
    return this.#names.inodes()
  }

  durableInodes(): Iterable<Inode> {
    return this.#durable.inodes()
  }

  /** The bytes that are safe, under the names that are. */
  backup(): ReadonlyMap<string, Uint8Array> {
    const files = new Map<string, Uint8Array>()
    for (const [name, { durable }] of this.#durable.entries()) {
      const bytes = new Uint8Array(durable.size)
      durable.read(0, bytes, 0, bytes.length)
      files.set(name, bytes)
    }
    return files
  }

  get(name: string): Inode | undefined {
    return this.#names.get(name)
  }

  create(name: string, inode: Inode): void {
    this.#change({ kind: 'create', name, inode })
  }

  /** Requires: `from` is there. */
  rename(from: string, to: string): void {
    if (from === to) return
    this.#change({ kind: 'rename', from, to, inode: this.#names.get(from) as Inode })
  }

  remove(name: string): void {
    this.#change({ kind: 'remove', name })
  }

  /** Changes so far: what a sync that begins now will cover. */
  mark(): number {
    return this.#removed + this.#unsynced.length
  }

  sync(mark: number): void {
    for (const change of this.#take(mark)) apply(this.#durable, change)
  }

  /** Some of the changes are on the disk; of the rest no later sync will say anything. */
  failSync(mark: number, prng: Prng): void {
    keepSome(this.#durable, this.#take(mark), prng)
  }

  crash(prng: Prng): void {
    keepSome(this.#durable, this.#take(this.mark()), prng)
    this.#names = Names.of(this.#durable)
  }

  #change(change: NameChange): void {
    apply(this.#names, change)
    this.#unsynced.push(change)
  }

  #take(mark: number): readonly NameChange[] {
    const taken = this.#unsynced.splice(0, mark - this.#removed)
    this.#removed += taken.length
    return taken
  }
}

function apply(names: Names, change: NameChange): void {
  if (change.kind === 'remove') names.delete(change.name)
  else names.set(change.kind === 'create' ? change.name : change.to, change.inode)
}

function keepSome(names: Names, changes: readonly NameChange[], prng: Prng): void {
  if (changes.length === 0) return
  const shape = prng.pick(['none', 'all', 'beginning', 'scattered'] as const)
  if (shape === 'none') return
  const count = shape === 'beginning' ? prng.below(changes.length + 1) : changes.length
  for (const change of changes.slice(0, count)) {
    if (shape !== 'scattered' || prng.chance(0.5)) apply(names, change)
  }
}
