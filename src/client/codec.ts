/**
 * Codecs: turn a program's values into bytes and back.
 *
 * The store keeps bytes and does not interpret them. A codec belongs to a bucket object, not to
 * the data: two programs may read one bucket through different codecs. The default is `text`. It
 * refuses bytes that are not UTF-8 and does not replace them, because a program that reads a value
 * with replacement characters and writes it back destroys it.
 */
import { utf8Bytes, utf8BytesExact, utf8TextExact } from '../base/bytes.ts'
import { isOperatingError, OperatingError } from '../base/errors.ts'
import { kindOf, unsent } from './failure.ts'

/** How values of one bucket become bytes. Both functions may throw; the call then fails. */
export interface Codec<T> {
  /** The bytes must not change afterwards: a later attempt may send them again. */
  encode(value: T): Uint8Array
  /** The codec may keep the bytes. */
  decode(bytes: Uint8Array): T
}

/** Values are strings, kept as UTF-8. */
export const text: Codec<string> = {
  encode(value) {
    if (typeof value !== 'string') {
      throw unsent(
        'input-wrong',
        `this bucket's codec is text and takes a string, not ${kindOf(value)}: ` +
          'open the bucket with { codec: bytes } or { codec: json() } for other values',
      )
    }
    const encoded = utf8BytesExact(value)
    if (encoded === undefined) {
      throw unsent(
        'input-wrong',
        'the text has a surrogate without its pair, which UTF-8 cannot represent: ' +
          'put bytes, or correct the text',
      )
    }
    return encoded
  },
  decode(bytes) {
    const decoded = utf8TextExact(bytes)
    if (decoded === undefined) {
      throw new OperatingError(
        'value-unreadable',
        'the value is not UTF-8 text: open the bucket with { codec: bytes } to read it',
      )
    }
    return decoded
  },
}

/** Values are byte strings, kept as they are. */
export const bytes: Codec<Uint8Array> = {
  encode(value) {
    if (!(value instanceof Uint8Array)) {
      throw unsent(
        'input-wrong',
        `this bucket's codec is bytes and takes a Uint8Array, not ${kindOf(value)}`,
      )
    }
    // The call may wait, or be attempted again, while the program uses its bytes for the next.
    return value.slice()
  },
  decode: (value) => value,
}

/**
 * Values are anything that JSON can represent. `check` may verify or convert a value that was
 * read (a schema's parse function fits); an error that it throws becomes the cause of
 * `value-unreadable`.
 */
export function json<T = unknown>(check?: (value: unknown) => T): Codec<T> {
  return {
    encode(value) {
      const encoded = JSON.stringify(value) as string | undefined
      if (encoded === undefined) {
        throw unsent('input-wrong', `JSON cannot represent ${kindOf(value)}: put another value`)
      }
      return utf8Bytes(encoded)
    },
    decode(encoded) {
      const value: unknown = JSON.parse(text.decode(encoded))
      return check === undefined ? (value as T) : check(value)
    },
  }
}

/** Decodes with `codec`; an error that it throws becomes `value-unreadable`. */
export function decodeWith<T>(codec: Codec<T>, encoded: Uint8Array): T {
  try {
    return codec.decode(encoded)
  } catch (cause) {
    if (isOperatingError(cause)) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new OperatingError(
      'value-unreadable',
      `the bucket's codec cannot read the value: ${reason}`,
      { cause },
    )
  }
}

/** Encodes with `codec`; an error that it throws becomes `input-wrong`. */
export function encodeWith<T>(codec: Codec<T>, value: T): Uint8Array {
  try {
    return codec.encode(value)
  } catch (cause) {
    if (isOperatingError(cause)) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new OperatingError(
      'input-wrong',
      `the bucket's codec cannot write the value: ${reason}`,
      {
        cause,
      },
    )
  }
}
