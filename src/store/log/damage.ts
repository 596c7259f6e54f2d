/**
 * What a start, or a check, finds wrong in a log: at or below what was known durable, so that
 * something acknowledged may be missing.
 */
import { segmentName } from '../files.ts'
import type { Found } from './found.ts'

/**
 * `rotten`: the bytes from `from` to `to` are not what was written. `header`: those of a segment's
 * header. `short`: the file ends at `from` and should go on to `to`. `no-segment`: these files are
 * missing. `missing`: these sequences are nowhere, and no damage shows where they were.
 */
export type Damage =
  | {
      readonly kind: 'rotten' | 'header' | 'short'
      readonly segment: number
      readonly from: number
      readonly to: number
      /** The lowest sequence that may have been there. */
      readonly sequence: number
      /** The record, if its header is sound and its object is not: its key can be believed. */
      readonly found?: Found | undefined
    }
  | {
      readonly kind: 'no-segment'
      readonly segment: number
      readonly lastSegment: number
      readonly sequence: number
    }
  | { readonly kind: 'missing'; readonly sequence: number; readonly lastSequence: number }

/** Whether records may be missing whose keys are not known. */
export function isOfUnknownKeys(damage: Damage): boolean {
  // A segment whose header has rotted is read all the same.
  if (damage.kind === 'header') return false
  return damage.kind !== 'rotten' || damage.found === undefined
}

/** One sentence for a person. */
export function sentenceOf(damage: Damage): string {
  switch (damage.kind) {
    case 'rotten':
      return `${placeOf(damage)} rotted: they are not what was written.`
    case 'header':
      return `The header of ${segmentName(damage.segment)} has rotted.`
    case 'short':
      return (
        `${segmentName(damage.segment)} ends at byte ${damage.from}; it was made with` +
        ` ${damage.to} bytes.`
      )
    case 'no-segment': {
      const first = segmentName(damage.segment)
      if (damage.segment === damage.lastSegment) return `${first} is missing.`
      return `${first} to ${segmentName(damage.lastSegment)} are missing.`
    }
    case 'missing':
      return `The records ${damage.sequence} to ${damage.lastSequence} are missing.`
  }
}

function placeOf({ segment, from, to }: Damage & { readonly kind: 'rotten' | 'header' | 'short' }) {
  return `In ${segmentName(segment)}, bytes ${from} to ${to - 1}`
}
