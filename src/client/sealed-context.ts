/**
 * The causal context that a program carries from its get to its put.
 *
 * A context says which versions a program has seen; its put replaces these and no others. To the
 * program it is opaque: the cluster seals it, refuses one that was changed, and accepts it for its
 * own key only. It may be sent as text through a web form or a queue.
 */
import { base64urlOf, bytesOfBase64url, EMPTY_BYTES } from '../base/bytes.ts'
import { unsent } from './failure.ts'

export class SealedContext {
  /** As the cluster sealed it; empty if the key was never written. */
  readonly #sealed: Uint8Array

  /** For the library itself: programs get contexts from `get` and `put`, or from `parse`. */
  constructor(sealed: Uint8Array) {
    this.#sealed = sealed
  }

  /** The context that `toString` wrote. Throws `context-garbled` if the text is no context. */
  static parse(text: string): SealedContext {
    if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) {
      throw unsent(
        'context-garbled',
        'this text is no context: pass the text of a context unchanged',
      )
    }
    return new SealedContext(bytesOfBase64url(text))
  }

  /** True if the key was never written: a put with this context replaces nothing. */
  get isEmpty(): boolean {
    return this.#sealed.length === 0
  }

  /** The bytes that are sent; do not change them. */
  get sealed(): Uint8Array {
    return this.#sealed
  }

  /** The context as text of letters, digits, `-` and `_`. */
  toString(): string {
    return base64urlOf(this.#sealed)
  }

  toJSON(): string {
    return this.toString()
  }
}

/** True for a context of this or of another copy of the library. */
export function isContext(value: unknown): value is SealedContext {
  if (value instanceof SealedContext) return true
  const sealed = (value as Partial<SealedContext> | null | undefined)?.sealed
  return sealed instanceof Uint8Array
}

export const EMPTY_CONTEXT: SealedContext = new SealedContext(EMPTY_BYTES)

/** Copies the bytes, which would otherwise keep alive the network chunk that they came in. */
export function contextOf(sealed: Uint8Array): SealedContext {
  return sealed.length === 0 ? EMPTY_CONTEXT : new SealedContext(sealed.slice())
}
