/**
 * Writes a long message as parts: its long byte strings are not copied, they are parts themselves.
 *
 * To copy 8 MiB costs more than everything else that is done for them, mostly for memory that was
 * not used before. A message inside the message begins with its length, which counts the parts in
 * it; so this class writes those itself.
 */
import protobuf from 'protobufjs/minimal.js'

/** Shorter byte strings are copied: a part costs a frame of its own. */
const PART_BYTES_MIN = 16 * 1024

/** A byte string that follows the first `at` bytes of the buffer. */
interface Cut {
  at: number
  readonly bytes: Uint8Array
}

/** A message inside the message that is not at its end. */
interface Inner {
  readonly at: number
  readonly cuts: number
}

export class PartedWriter extends protobuf.Writer {
  readonly #cuts: Cut[] = []
  readonly #inner: Inner[] = []

  /** All that was written: one part after another. The long byte strings must not change. */
  get parts(): readonly Uint8Array[] {
    const parts: Uint8Array[] = []
    let from = 0
    for (const { at, bytes } of this.#cuts) {
      if (at > from) parts.push(this.buf.subarray(from, at))
      parts.push(bytes)
      from = at
    }
    if (this.pos > from) parts.push(this.buf.subarray(from, this.pos))
    return parts
  }

  override bytes(value: Uint8Array): this {
    if (value.length < PART_BYTES_MIN) return super.bytes(value) as this
    this.uint32(value.length)
    this.#cuts.push({ at: this.pos, bytes: value })
    return this
  }

  /** Begins an inner message. */
  override fork(): this {
    this.#inner.push({ at: this.pos, cuts: this.#cuts.length })
    return this
  }

  /** Ends it: its length goes before it. */
  override ldelim(): this {
    const { at, cuts } = this.#inner.pop() as Inner
    const end = this.pos
    const inside = this.#cuts.slice(cuts)
    this.uint32(inside.reduce((sum, { bytes }) => sum + bytes.length, end - at))
    const length = this.buf.slice(end, this.pos)
    this.buf.copyWithin(at + length.length, at, end)
    this.buf.set(length, at)
    for (const cut of inside) cut.at += length.length
    return this
  }
}
