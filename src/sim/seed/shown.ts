/** What gets of a simulated client showed, and what its puts replace of that. */
import type { SealedContext } from '../../client/sealed-context.ts'

/** The result of a get: the values shown, and the context that covers them. */
export interface Shown {
  readonly ids: readonly number[]
  /** Its tombstones are of deletes with numbers below this one; 0 if there were none. */
  readonly deletesBelow: number
  readonly context: SealedContext
}

/** What a put replaces: what its client was shown, all that a read returns, or nothing. */
export type Replaces =
  | (Omit<Shown, 'context'> & { readonly contexts: readonly SealedContext[] })
  | 'seen'
  | undefined

export const NOTHING_SHOWN = { ids: [], deletesBelow: 0, contexts: [] } as const

/** What several gets showed, together. */
export function joined(all: readonly Shown[]): Replaces {
  return {
    ids: [...new Set(all.flatMap(({ ids }) => ids))],
    deletesBelow: Math.max(0, ...all.map(({ deletesBelow }) => deletesBelow)),
    contexts: all.map(({ context }) => context),
  }
}
