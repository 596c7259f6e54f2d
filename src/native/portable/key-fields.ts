/**
 * Finds bucket and key in the body of a frame, as `findKey` in native/frame.cc does.
 *
 * The body is a protobuf message; only its outline is read: the first two fields, and the number of
 * every other. Source: the protobuf encoding, "Message Structure".
 */
const BUCKET_TAG = 0x0a
const KEY_TAG = 0x12
const BUCKET_BYTES_MAX = 0xffff
const VARINT_BYTES_MAX = 10

export interface KeyFields {
  readonly bucket: Uint8Array
  readonly key: Uint8Array
}

/** Undefined unless the body begins with bucket and key, not empty, and has neither again. */
export function findKey(body: Uint8Array): KeyFields | undefined {
  const reader = new OutlineReader(body)
  const bucket = reader.bytesOf(BUCKET_TAG)
  const key = bucket === undefined ? undefined : reader.bytesOf(KEY_TAG)
  if (bucket === undefined || key === undefined) return undefined
  if (bucket.length === 0 || bucket.length > BUCKET_BYTES_MAX || key.length === 0) return undefined
  while (!reader.isAtEnd) {
    const field = reader.skipField()
    if (field === undefined || field <= 2) return undefined
  }
  return { bucket, key }
}

/** Reads a message field by field, never past its end; undefined where it is malformed. */
class OutlineReader {
  readonly #body: Uint8Array
  #at = 0

  constructor(body: Uint8Array) {
    this.#body = body
  }

  get isAtEnd(): boolean {
    return this.#at === this.#body.length
  }

  /** The bytes of the field at hand; undefined where its tag, of one byte, is another. */
  bytesOf(tag: number): Uint8Array | undefined {
    if (this.#body[this.#at] !== tag) return undefined
    this.#at += 1
    const length = this.#varint()
    return length === undefined ? undefined : this.#take(Number(length))
  }

  /** The number of the field at hand, which is passed over. */
  skipField(): bigint | undefined {
    const tag = this.#varint()
    if (tag === undefined) return undefined
    const passed = this.#skipValue(Number(tag & 7n))
    return passed ? tag >> 3n : undefined
  }

  #skipValue(wireType: number): boolean {
    switch (wireType) {
      case 0:
        return this.#varint() !== undefined
      case 1:
        return this.#take(8) !== undefined
      case 2: {
        const length = this.#varint()
        return length !== undefined && this.#take(Number(length)) !== undefined
      }
      case 5:
        return this.#take(4) !== undefined
      default:
        return false
    }
  }

  /** A base-128 integer of at most 64 bits. */
  #varint(): bigint | undefined {
    let value = 0n
    for (let i = 0; i < VARINT_BYTES_MAX && !this.isAtEnd; i++) {
      const byte = this.#body[this.#at] as number
      this.#at += 1
      value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) return i < VARINT_BYTES_MAX - 1 || byte <= 1 ? value : undefined
    }
    return undefined
  }

  #take(length: number): Uint8Array | undefined {
    if (length > this.#body.length - this.#at) return undefined
    const bytes = this.#body.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }
}
