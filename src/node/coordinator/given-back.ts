/** Opens what clients give back: the contexts of a put and the receipts of a get. */
import { OperatingError } from '../../base/errors.ts'
import type { Context } from '../../dynamo/version/context.ts'
import type { ContextSeal, SealedFor } from '../../dynamo/version/context-seal.ts'
import type { Receipt, Receipts } from '../../dynamo/version/receipt.ts'

const NO_RECEIPTS: readonly Receipt[] = []

/** What the contexts cover together, or why one of them is refused. */
export function openedContexts(
  seal: ContextSeal,
  of: SealedFor,
  contexts: readonly Uint8Array[],
): Context | OperatingError {
  const opened = seal.openAll(of, contexts)
  if (opened.kind !== 'refused') return opened.context
  return new OperatingError(opened.code, CONTEXT_ADVICE[opened.code])
}

/** What receipts stand for, or why one of them is refused. */
export function openedReceipts(
  receipts: Receipts,
  of: SealedFor,
  sealed: readonly Uint8Array[],
): readonly Receipt[] | OperatingError {
  if (sealed.length === 0) return NO_RECEIPTS
  const all: Receipt[] = []
  for (const bytes of sealed) {
    const opened = receipts.open(of, bytes)
    if (opened.kind === 'refused') {
      return new OperatingError(opened.code, RECEIPT_ADVICE[opened.code])
    }
    all.push(opened.receipt)
  }
  return all
}

const RECEIPT_ADVICE = {
  'receipt-garbled': 'a receipt must be given back byte for byte as it came',
  'receipt-foreign': 'this receipt is of another key or cluster: give it with a get of its key',
} as const

const CONTEXT_ADVICE = {
  'context-garbled': 'a context must be given back byte for byte as it came',
  'context-foreign': 'this context belongs to another key; give each key the context of its get',
  'context-other-cluster': 'another cluster made this context; read the key from this one',
  'context-forged': 'this context was changed, or made by no cluster; read the key again',
  'context-key-unknown': 'this node does not know the key that signed the context; try another',
  'contexts-too-many': 'a put takes at most one context a replica',
} as const
