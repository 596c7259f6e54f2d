/**
 * What the log lacks at present, and the sentences that say so: room on the disk, the right to make
 * files, descriptors.
 *
 * A shortage ends by itself once an attempt succeeds, so it never ends the node. Each part of the
 * log that tries again has a place here and tells how its last attempt went.
 */
import { OperatingError } from '../../base/errors.ts'
import type { Trace } from '../../world/trace.ts'
import { hasCode } from '../files.ts'

/** Who lacks something: the allocator, the writer, or a read of a segment that is not open. */
type Place = 'segment' | 'write' | 'file'

export type ShortageKind = 'space' | 'access' | 'files' | 'segments'

interface Lack {
  readonly kind: ShortageKind
  readonly sentence: string
}

export interface LackDetails {
  /** Bytes that are wanted, and that are free where that is known. */
  readonly wantedBytes?: number
  readonly freeBytes?: number | undefined
  readonly cause?: unknown
}

const MIB = 1024 * 1024

/** The kind of a shortage that a system error reports; undefined for any other error. */
export function shortageOf(error: unknown): ShortageKind | undefined {
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) return 'space'
  if (hasCode(error, 'EMFILE', 'ENFILE')) return 'files'
  if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return 'access'
  return undefined
}

export class Shortage {
  readonly #path: string
  readonly #trace: Trace
  readonly #lacks = new Map<Place, Lack>()

  /** `path` is the data directory's. */
  constructor(path: string, trace: Trace) {
    this.#path = path
    this.#trace = trace
  }

  /** One sentence for each thing that is lacking now. */
  get sentences(): readonly string[] {
    return [...new Set([...this.#lacks.values()].map(({ sentence }) => sentence))]
  }

  isAt(place: Place): boolean {
    return this.#lacks.has(place)
  }

  /** An attempt failed. */
  tell(place: Place, kind: ShortageKind, details: LackDetails): void {
    const sentence = this.#sentenceOf(kind, details)
    if (this.#lacks.get(place)?.kind !== kind) {
      const fields = { directory: this.#path, reason: sentence }
      if (isFull(kind)) this.#trace.record('disk-full', fields)
      else this.#trace.record('log-blocked', fields)
    }
    this.#lacks.set(place, { kind, sentence })
  }

  /** An attempt succeeded. */
  over(place: Place): void {
    this.#lacks.delete(place)
  }

  /** Why an append is refused. Requires: something is lacking at `place`. */
  errorAt(place: Place): OperatingError {
    const { kind, sentence } = this.#lacks.get(place) as Lack
    return errorOf(kind, sentence)
  }

  /** Why one thing is refused that needs more than there is, while others need not be. */
  errorFor(kind: ShortageKind, details: LackDetails): OperatingError {
    return errorOf(kind, this.#sentenceOf(kind, details))
  }

  #sentenceOf(kind: ShortageKind, { wantedBytes, freeBytes, cause }: LackDetails): string {
    const code = (cause as { readonly code?: unknown } | undefined)?.code
    const reason = typeof code === 'string' ? ` (${code})` : ''
    switch (kind) {
      case 'space': {
        const wanted = bytesText(wantedBytes ?? 0)
        const free = freeBytes === undefined ? '' : `: ${bytesText(freeBytes)} are free there`
        return (
          `the data directory has no room for ${wanted} of the log${reason}${free}.` +
          ' Free some space; writing goes on by itself when there is room'
        )
      }
      case 'segments':
        return 'the log has its most segments: move some buckets to other nodes'
      case 'files':
        return (
          `the process may open no more files${reason}: raise the limit (ulimit -n) and start the` +
          ' node again, or close connections; the log goes on by itself when it may'
        )
      case 'access':
        return (
          `the data directory takes no new file of this process${reason}: give its user the right` +
          ' to write there; writing goes on by itself when it may'
        )
    }
  }
}

function isFull(kind: ShortageKind): boolean {
  return kind === 'space' || kind === 'segments'
}

function errorOf(kind: ShortageKind, sentence: string): OperatingError {
  return new OperatingError(isFull(kind) ? 'disk-full' : 'log-blocked', sentence)
}

function bytesText(bytes: number): string {
  return bytes < MIB ? `${bytes} bytes` : `${(bytes / MIB).toFixed(1)} MiB`
}
