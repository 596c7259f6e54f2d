/**
 * The receipts of a session: of what it has put and read, by key, at most 1 KiB.
 *
 * A get takes those of its key along, and what it finds takes their place. The keys used longest
 * ago fall out. A key is *partial* where receipts do not stand for all that the session has met of
 * it: it may have fallen out, or it had more siblings than a receipt has room for.
 *
 * As text, which another process can go on with:
 *
 *     u8 format | u8 flags (1 = keys have fallen out)
 *     keys, used longest ago first: token 8 | u8 receipts, and 128 where not all has one
 *       receipts, each: u8 length | bytes
 */
import { base64urlOf, bytesOfBase64url, readU32, writeU32 } from '../base/bytes.ts'
import { RECEIPT_BYTES_MAX, RECEIPTS_PER_GET_MAX, SESSION_BYTES_MAX } from '../limits.ts'
import type { Token } from '../native/digest.ts'
import { unsent } from './failure.ts'
import { isBase64url } from './receipt.ts'

const FORMAT = 1
const FLAG_FALLEN_OUT = 1
const FLAG_PARTIAL = 128
const HEADER_BYTES = 2
const TOKEN_BYTES = 8

/** What a session keeps of one key. */
interface Kept {
  readonly token: Token
  readonly receipts: readonly Uint8Array[]
  /** Something was read or put that no receipt stands for. */
  readonly isPartial: boolean
}

export class SessionReceipts {
  /** By token, used longest ago first. */
  readonly #kept = new Map<string, Kept>()
  #bytes = HEADER_BYTES
  #hasFallenOut = false

  /** Throws `receipt-garbled` for a text that `toString` did not write. */
  static parse(text: string): SessionReceipts {
    const bytes = isBase64url(text) ? bytesOfBase64url(text) : undefined
    const session = new SessionReceipts()
    if (bytes !== undefined && session.#read(bytes)) return session
    throw unsent('receipt-garbled', 'this text is no session: pass the text of a session unchanged')
  }

  /** Bytes of all that is kept, at most `SESSION_BYTES_MAX`. */
  get bytes(): number {
    return this.#bytes
  }

  /** The receipts to send with a get. */
  of(token: Token): readonly Uint8Array[] {
    return this.#kept.get(mapKeyOf(token))?.receipts ?? []
  }

  /** Whether the receipts do not stand for all that the session may have met of the key. */
  isPartial(token: Token): boolean {
    return this.#kept.get(mapKeyOf(token))?.isPartial ?? this.#hasFallenOut
  }

  onPut(token: Token, receipt: Uint8Array): void {
    this.#keep({
      token,
      receipts: [...this.of(token), receipt],
      isPartial: this.isPartial(token),
    })
  }

  /**
   * A get that carried `sent` has been answered: `receipt` takes their place. Empty: what was read
   * has no receipt. Puts that ended meanwhile keep theirs.
   */
  onGet(token: Token, sent: readonly Uint8Array[], receipt: Uint8Array): void {
    const isPartial = receipt.length === 0
    const covered = isPartial ? [] : sent
    const others = this.of(token).filter((one) => !covered.includes(one))
    this.#keep({ token, receipts: isPartial ? others : [...others, receipt], isPartial })
  }

  #keep({ token, receipts, isPartial }: Kept): void {
    this.#remove(mapKeyOf(token))
    const newest = receipts.slice(-RECEIPTS_PER_GET_MAX)
    const isCut = newest.length < receipts.length
    const kept = { token, receipts: newest, isPartial: isPartial || isCut }
    this.#kept.set(mapKeyOf(token), kept)
    this.#bytes += bytesOf(kept)
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= SESSION_BYTES_MAX) return
      this.#remove(oldest)
      this.#hasFallenOut = true
    }
  }

  #remove(mapKey: string): void {
    const kept = this.#kept.get(mapKey)
    if (kept === undefined) return
    this.#kept.delete(mapKey)
    this.#bytes -= bytesOf(kept)
  }

  toString(): string {
    const bytes = new Uint8Array(this.#bytes)
    bytes[0] = FORMAT
    bytes[1] = this.#hasFallenOut ? FLAG_FALLEN_OUT : 0
    let at = HEADER_BYTES
    for (const { token, receipts, isPartial } of this.#kept.values()) {
      writeU32(bytes, at, token.lo)
      writeU32(bytes, at + 4, token.hi)
      bytes[at + TOKEN_BYTES] = receipts.length + (isPartial ? FLAG_PARTIAL : 0)
      at += TOKEN_BYTES + 1
      for (const receipt of receipts) {
        bytes[at] = receipt.length
        bytes.set(receipt, at + 1)
        at += 1 + receipt.length
      }
    }
    return base64urlOf(bytes)
  }

  /** False for bytes that are no session. */
  #read(bytes: Uint8Array): boolean {
    const flags = bytes[1]
    if (bytes.length > SESSION_BYTES_MAX || bytes[0] !== FORMAT) return false
    if (flags !== 0 && flags !== FLAG_FALLEN_OUT) return false
    this.#hasFallenOut = flags === FLAG_FALLEN_OUT
    let at = HEADER_BYTES
    while (at < bytes.length) {
      const kept = keptAt(bytes, at)
      if (kept === undefined || this.#kept.has(mapKeyOf(kept.token))) return false
      this.#keep(kept)
      at += bytesOf(kept)
    }
    return true
  }
}

function keptAt(bytes: Uint8Array, from: number): Kept | undefined {
  const flagged = bytes[from + TOKEN_BYTES]
  if (flagged === undefined) return undefined
  const count = flagged % FLAG_PARTIAL
  if (count > RECEIPTS_PER_GET_MAX) return undefined
  const token = { hi: readU32(bytes, from + 4), lo: readU32(bytes, from) } as Token
  const receipts: Uint8Array[] = []
  let at = from + TOKEN_BYTES + 1
  for (let left = count; left > 0; left--) {
    const length = bytes[at] ?? 0
    const end = at + 1 + length
    if (length === 0 || length > RECEIPT_BYTES_MAX || end > bytes.length) return undefined
    receipts.push(bytes.slice(at + 1, end))
    at = end
  }
  return { token, receipts, isPartial: flagged >= FLAG_PARTIAL }
}

function bytesOf({ receipts }: Kept): number {
  return receipts.reduce((sum, receipt) => sum + 1 + receipt.length, TOKEN_BYTES + 1)
}

function mapKeyOf({ hi, lo }: Token): string {
  return `${hi}-${lo}`
}
