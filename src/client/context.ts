/**
 * The causal note that a program carries from its get to its put.
 *
 * A context says which versions a program has seen, so that its put replaces exactly those and
 * nothing that it did not know of. It is sealed by the cluster: nobody else can make or change
 * one, and it serves for its own key alone. It may travel as text through a web form or a queue.
 */
import { base64urlOf, bytesOfBase64url, EMPTY_BYTES } from '../base/bytes.ts'
import { unsent } from './failure.ts'

export class Context {
  /** As the cluster sealed it; empty where nothing was ever under the key. */
  readonly #sealed: Uint8Array

  /** For the library itself: programs get contexts from `get` and `put`, or from `parse`. */
  constructor(sealed: Uint8Array) {
    this.#sealed = sealed
  }

  /** The context that `toString` wrote. Throws `context-garbled` where the text is none. */
  static parse(text: string): Context {
    if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) {
      throw unsent('context-garbled', 'this is not the text of a context: pass it on unchanged')
    }
    return new Context(bytesOfBase64url(text))
  }

  /** True where nothing was ever under the key: a put with it replaces nothing. */
  get isEmpty(): boolean {
    return this.#sealed.length === 0
  }

  /** The bytes as they travel; not to be changed. */
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

export const EMPTY_CONTEXT: Context = new Context(EMPTY_BYTES)

/** A context of its own bytes: what it was read from may be a large chunk of a connection. */
export function contextOf(sealed: Uint8Array): Context {
  return sealed.length === 0 ? EMPTY_CONTEXT : new Context(sealed.slice())
}
