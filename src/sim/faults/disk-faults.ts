/**
 * Inject disk faults: failing calls, a full disk, a slow disk, and lost or damaged bytes.
 *
 * Before it loses or damages bytes it asks the account, because such a disk counts as destroyed. A
 * read that fails counts too: a node may replace a copy that it cannot read by those of the others.
 */
import { unreachable } from '../../base/assert.ts'
import type { Prng } from '../../base/prng.ts'
import type { Account } from '../cluster/account.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { DiskCall, DiskFile, SimDisk } from '../disk/disk.ts'
import type { Operator } from '../cluster/operator.ts'
import type { FaultKind } from '../scenario.ts'

export type DiskFaultKind = Extract<
  FaultKind,
  | 'sync-failure'
  | 'io-error'
  | 'slow-disk'
  | 'full-disk'
  | 'wipe'
  | 'restore'
  | 'spoilt-segment'
  | 'rot'
  | 'misdirect'
  | 'lost-write'
>

const SLOW: readonly [number, number] = [2, 50]
/** What a disk has left that is about to be full. */
const ROOM_BYTES_MAX = 8_192
/** Calls that are let through before one fails. */
const SKIP_MAX = 12
const CALLS: readonly DiskCall[] = [
  'directory',
  'lock',
  'list',
  'create',
  'open',
  'rename',
  'remove',
  'sync-directory',
  'free-bytes',
  'size',
  'read',
  'write',
  'sync',
  'truncate',
  'close',
]
/** Bytes that rot together: one, a few, a sector, a block. */
const ROT_BYTES = [1, 1, 8, 512, 4_096] as const
/** The beginning of a file, where what was written stands, rots as often as all the rest. */
const ROT_HEAD_BYTES = 2_048
/** Between a backup of a disk and its being put back. */
const BACKUP_MS: readonly [number, number] = [50, 2_000]

export class DiskFaults {
  readonly #cluster: Cluster
  readonly #operator: Operator
  readonly #account: Account
  readonly #count: (kind: FaultKind) => void
  /** No more of them. */
  isOver = false

  /** Faults that take effect later are told to `count` when they do. */
  constructor(
    cluster: Cluster,
    operator: Operator,
    account: Account,
    count: (kind: FaultKind) => void,
  ) {
    this.#cluster = cluster
    this.#operator = operator
    this.#account = account
    this.#count = count
  }

  /** True where it took effect now. */
  inject(kind: DiskFaultKind, prng: Prng, machine: number, forMs: number): boolean {
    const disk = this.#cluster.world.disk(machine)
    switch (kind) {
      case 'slow-disk':
        disk.slow(prng.between(...SLOW))
        this.#later(forMs, () => disk.slow(1))
        return true
      case 'full-disk':
        disk.limit(disk.usedBytes + prng.below(ROOM_BYTES_MAX))
        return this.#untilItFails(kind, disk, forMs, () => disk.limit())
      case 'sync-failure':
        disk.arm({ call: prng.pick(['sync', 'sync', 'sync-directory']), skip: prng.below(3) })
        return this.#untilItFails(kind, disk, forMs, () => disk.disarm())
      case 'io-error':
        return this.#failCall(prng, machine, disk, forMs)
      case 'wipe':
        return this.#wipe(prng.chance(0.5), machine, forMs)
      case 'restore':
        return this.#restore(prng, machine, disk, forMs)
      case 'spoilt-segment':
        return this.#replaceDisk(kind, machine, forMs, () => this.#spoil(prng, machine, disk))
      case 'rot':
        return this.#rot(prng, machine, disk)
      case 'misdirect':
      case 'lost-write':
        return this.#lie(kind, prng, machine, disk, forMs)
      default:
        return unreachable(kind)
    }
  }

  /** Counted where a call failed meanwhile. */
  #untilItFails(kind: FaultKind, disk: SimDisk, forMs: number, undo: () => void): false {
    const before = disk.failures
    this.#later(forMs, () => {
      undo()
      if (disk.failures > before) this.#count(kind)
    })
    return false
  }

  #failCall(prng: Prng, machine: number, disk: SimDisk, forMs: number): boolean {
    const call = prng.pick(CALLS)
    if (call === 'read' && !this.#account.mayDamage(machine, 'io-error')) return false
    disk.arm({ call, skip: prng.below(SKIP_MAX), times: prng.pick([1, 1, 3]) })
    return this.#untilItFails('io-error', disk, forMs, () => disk.disarm())
  }

  /** Alone, or in a power cut of all machines. */
  #wipe(isForAll: boolean, machine: number, forMs: number): boolean {
    const wipe = (): void => this.#operator.wipe(machine)
    if (!this.#replaceDisk('wipe', machine, forMs, wipe)) return false
    if (isForAll) this.#operator.takeDown(this.#cluster.machines, forMs, 'crash')
    return true
  }

  #replaceDisk(kind: FaultKind, machine: number, forMs: number, replace: () => void): boolean {
    if (!this.#cluster.isRunning(machine)) return false
    if (!this.#account.mayDamage(machine, kind)) return false
    return this.#operator.takeDown([machine], forMs, 'crash', replace)
  }

  /** A backup is made, and some time later put back. */
  #restore(prng: Prng, machine: number, disk: SimDisk, forMs: number): boolean {
    const backup = disk.backup()
    this.#later(prng.between(...BACKUP_MS), () => {
      const isDone =
        !this.isOver &&
        this.#replaceDisk('restore', machine, forMs, () => {
          this.#cluster.world.trace.mark('restore', { machine })
          disk.restore(backup)
        })
      if (isDone) this.#count('restore')
    })
    return false
  }

  /** A segment is removed, cut off or zeroed from somewhere on while its node is down. */
  #spoil(prng: Prng, machine: number, disk: SimDisk): void {
    const backup = new Map([...disk.backup()].map(([path, files]) => [path, new Map(files)]))
    for (const files of backup.values()) {
      const segments = [...files.keys()].filter((name) => name.endsWith('.seg'))
      if (segments.length === 0) continue
      const name = prng.pick(segments)
      const bytes = files.get(name) as Uint8Array
      const from = prng.below(bytes.length + 1)
      const how = prng.pick(['removed', 'cut', 'zeroed'] as const)
      this.#cluster.world.trace.mark('spoilt-segment', { machine, name, how, from })
      if (how === 'removed') files.delete(name)
      else if (how === 'cut') files.set(name, bytes.slice(0, from))
      else files.set(name, bytes.slice().fill(0, from))
    }
    disk.restore(backup)
  }

  #rot(prng: Prng, machine: number, disk: SimDisk): boolean {
    const files = disk.files().filter(({ durableSize }) => durableSize > 0)
    if (files.length === 0 || !this.#account.mayDamage(machine, 'rot')) return false
    const { directory, name, durableSize }: DiskFile = prng.pick(files)
    const head = Math.min(durableSize, ROT_HEAD_BYTES)
    const position = prng.below(prng.chance(0.5) ? head : durableSize)
    const length = Math.min(prng.pick(ROT_BYTES), durableSize - position)
    this.#cluster.world.trace.mark('rot', { machine, name, position, length })
    disk.rot(directory, name, position, length)
    return true
  }

  /** The disk says that it wrote, and did not, or elsewhere; then its memory is emptied. */
  #lie(
    kind: 'misdirect' | 'lost-write',
    prng: Prng,
    machine: number,
    disk: SimDisk,
    forMs: number,
  ): boolean {
    if (!this.#account.mayDamage(machine, kind)) return false
    const effect = kind === 'misdirect' ? 'misdirect' : 'drop'
    const before = disk.lies
    disk.arm({ call: 'write', effect, skip: prng.below(SKIP_MAX) })
    this.#later(forMs, () => {
      disk.disarm()
      if (disk.lies === before) return
      disk.evictCache()
      this.#count(kind)
    })
    return false
  }

  #later(ms: number, undo: () => void): void {
    this.#cluster.world.after(ms, undo)
  }
}
