/**
 * How long messages are, as protobuf would encode them: ids and digests as 8 bytes, numbers as
 * varints, lists of marks and standings packed side by side.
 *
 * Bounds of messages are in bytes, so a sender must know them before it encodes.
 */
import { unreachable } from '../../base/assert.ts'
import { utf8Bytes } from '../../base/bytes.ts'
import type { MemberRecord } from './member-record.ts'
import type { Message, News } from './message.ts'

/** A tag of one byte, and a fixed64. */
const FIXED64_BYTES = 9
/** A tag, a length and 8 bytes. */
const ID_BYTES = 10
const FLAG_BYTES = 2
/** Of an entry in a list: id, flag in the version's last bit, and half a digest. */
export const MARK_BYTES = 8 + 3 + 4
export const STANDING_BYTES = 8 + 3
const SUM_BYTES = 8

export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1
  return bytes
}

/** A field of so many bytes, with its tag and length. */
function nestedBytes(bytes: number): number {
  return 1 + varintBytes(bytes) + bytes
}

function textBytes(text: string): number {
  return text === '' ? 0 : nestedBytes(utf8Bytes(text).length)
}

export function recordBytes(record: MemberRecord): number {
  const { name, host, machine, zone, version, clientPort, peerPort } = record
  const texts = textBytes(name) + textBytes(host) + textBytes(machine) + textBytes(zone)
  const numbers = varintBytes(version) + varintBytes(clientPort) + varintBytes(peerPort) + 3
  return 3 * ID_BYTES + texts + numbers + FLAG_BYTES + FIXED64_BYTES
}

/** One piece of news, nested in its message. */
export function newsBytes(news: News): number {
  if (news.kind === 'record') return nestedBytes(FLAG_BYTES + nestedBytes(recordBytes(news.record)))
  const by = news.kind === 'alive' ? 0 : ID_BYTES
  return nestedBytes(FLAG_BYTES + ID_BYTES + 1 + varintBytes(news.incarnation) + by)
}

/** The body of the frame that carries this message. */
export function messageBytes(message: Message): number {
  switch (message.kind) {
    case 'ping':
    case 'ack':
      return probeBytes(message.probe) + allNewsBytes(message.news)
    case 'nack':
      return probeBytes(message.probe)
    case 'ask':
      return probeBytes(message.probe) + ID_BYTES + allNewsBytes(message.news)
    case 'compare':
      return 2 * FIXED64_BYTES
    case 'buckets':
      return sumsBytes(message.records) + sumsBytes(message.standings)
    case 'lists': {
      const { recordBuckets, records, standingBuckets, standings } = message
      return (
        nestedBytes(recordBuckets.length) +
        nestedBytes(records.length * MARK_BYTES) +
        nestedBytes(standingBuckets.length) +
        nestedBytes(standings.length * STANDING_BYTES) +
        FLAG_BYTES
      )
    }
    case 'fill': {
      const { records, standings, wanted } = message
      let bytes = nestedBytes(standings.length * STANDING_BYTES) + nestedBytes(8 * wanted.length)
      for (const record of records) bytes += nestedBytes(recordBytes(record))
      return bytes + FLAG_BYTES
    }
    default:
      return unreachable(message)
  }
}

function probeBytes(probe: number): number {
  return 1 + varintBytes(probe)
}

function allNewsBytes(news: readonly News[]): number {
  let bytes = 0
  for (const piece of news) bytes += newsBytes(piece)
  return bytes
}

function sumsBytes(sums: readonly unknown[] | undefined): number {
  return sums === undefined ? 0 : nestedBytes(SUM_BYTES * sums.length)
}
