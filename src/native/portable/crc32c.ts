/**
 * CRC-32C in TypeScript: four bytes a turn, by four tables.
 *
 * Source: RFC 3720, B.4 (the polynomial, here in reversed bit order); Kounavis and Berry, "A
 * systematic approach to building high performance software-based CRC generators", 2005.
 */
import { readU32 } from '../../base/bytes.ts'
import { requirePart } from './bounds.ts'

const POLYNOMIAL = 0x82f63b78

/** TABLES[256 · k + b]: the remainder of byte b followed by k zero bytes. */
const TABLES: Int32Array = (() => {
  const tables = new Int32Array(4 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[byte] = crc
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number)
  }
  return tables
})()

/** The CRC-32C of bytes[start, start + length), unsigned. */
export function crc32c(bytes: Uint8Array, start: number, length: number): number {
  requirePart(bytes, start, length)
  const t = TABLES
  const end = start + length
  let crc = -1
  let at = start
  for (; at + 4 <= end; at += 4) {
    crc ^= readU32(bytes, at)
    crc =
      (t[768 + (crc & 0xff)] as number) ^
      (t[512 + ((crc >>> 8) & 0xff)] as number) ^
      (t[256 + ((crc >>> 16) & 0xff)] as number) ^
      (t[crc >>> 24] as number)
  }
  for (; at < end; at++) {
    crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 0xff] as number)
  }
  return ~crc >>> 0
}
