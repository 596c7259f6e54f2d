/**
 * The names in a data directory.
 *
 *   00000001.seg, 00000002.seg, …   segments, by their number in hexadecimal, in order
 *   identity                        whose data this is (`identity.ts`)
 *   standing                        whether all of it is here (`standing.ts`)
 *   rounds                          which writes are everywhere (`rounds.ts`)
 *   members                         who is in the cluster (`members.ts`)
 *   ring                            who owns what (`ring.ts`)
 *   buckets                         those that were created (`buckets.ts`)
 *   transfers                       how far bulk transfers are (`transfers.ts`)
 *   join                            how the node has joined (`joining.ts`)
 *   keys                            the cluster keys (`keys.ts`)
 *   reserve                         space for deletes on a full disk (`log/reserve.ts`)
 *   *.new                           not finished: written, synced and then renamed, or removed
 *
 * A file gets its name only when its content is durable, and the name is durable before the node
 * relies on it. So a `.new` file holds nothing that was acknowledged, and a file under its final
 * name that cannot be read has rotted. The store does not touch files with other names.
 */
import { utf8Bytes, utf8TextExact } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { crc32c } from '../native/digest.ts'
import type { Directory, File } from '../world/disk.ts'

const SEGMENT_PATTERN = /^[0-9a-f]{8}\.seg$/
const UNFINISHED_SEGMENT_PATTERN = /^[0-9a-f]{8}\.seg\.new$/

export const IDENTITY_NAME = 'identity'
export const STANDING_NAME = 'standing'
export const ROUNDS_NAME = 'rounds'
export const MEMBERS_NAME = 'members'
export const RING_NAME = 'ring'
export const BUCKETS_NAME = 'buckets'
export const TRANSFERS_NAME = 'transfers'
export const JOIN_NAME = 'join'
export const KEYS_NAME = 'keys'
export const RESERVE_NAME = 'reserve'
const NAMES: ReadonlySet<string> = new Set([
  ...[IDENTITY_NAME, STANDING_NAME, ROUNDS_NAME, MEMBERS_NAME, RING_NAME, BUCKETS_NAME],
  ...[TRANSFERS_NAME, JOIN_NAME, KEYS_NAME, RESERVE_NAME],
])
const UNFINISHED = '.new'

export function segmentName(number: number): string {
  return `${number.toString(16).padStart(8, '0')}.seg`
}

/** Numbers of all segments, ascending. */
export async function segmentNumbers(directory: Directory): Promise<readonly number[]> {
  return numbersIn(await directory.list(), SEGMENT_PATTERN)
}

/** Numbers of the segments that are not finished, or whose names are being confirmed. */
export async function unfinishedNumbers(directory: Directory): Promise<readonly number[]> {
  return numbersIn(await directory.list(), UNFINISHED_SEGMENT_PATTERN)
}

function numbersIn(names: readonly string[], pattern: RegExp): readonly number[] {
  const matching = names.filter((name) => pattern.test(name))
  return matching.map((name) => Number.parseInt(name, 16)).sort((a, b) => a - b)
}

/** Removes unfinished files that a crash left. It does no harm if they come back. */
export async function removeUnfinished(directory: Directory): Promise<void> {
  for (const name of await directory.list()) {
    if (isUnfinished(name)) await directory.remove(name)
  }
}

function isUnfinished(name: string): boolean {
  if (!name.endsWith(UNFINISHED)) return false
  const whole = name.slice(0, -UNFINISHED.length)
  return NAMES.has(whole) || SEGMENT_PATTERN.test(whole)
}

/**
 * Makes `name`, filled by `fill`, appear whole or not at all; durable when this resolves. Where it
 * fails nothing of it is left, as far as the disk allows.
 */
export async function createWhole(
  directory: Directory,
  name: string,
  fill: (file: File) => Promise<void>,
): Promise<File> {
  return writeWhole(directory, name, fill, name)
}

/** The same where `name` exists: it is the old file or the new one at any moment. */
export async function replaceWhole(
  directory: Directory,
  name: string,
  fill: (file: File) => Promise<void>,
): Promise<File> {
  return writeWhole(directory, name, fill, undefined)
}

/** `leftName` is removed if the name cannot be made durable. */
async function writeWhole(
  directory: Directory,
  name: string,
  fill: (file: File) => Promise<void>,
  leftName: string | undefined,
): Promise<File> {
  const unfinished = `${name}.new`
  const file = await createAnew(directory, unfinished)
  let left: string | undefined = unfinished
  try {
    await fill(file)
    await file.sync()
    await directory.rename(unfinished, name)
    left = leftName
    await directory.sync()
    return file
  } catch (error) {
    await file.close().catch(() => {})
    if (left !== undefined) await directory.remove(left).catch(() => {})
    throw error
  }
}

/**
 * Makes the names of durable files durable. A sync of the directory alone would not: after an
 * earlier sync failed, the system may take a name for durable that is not, and a later sync proves
 * nothing about it. So each file gets its name again.
 */
export async function confirmNames(directory: Directory, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await directory.rename(name, `${name}.new`)
    await directory.rename(`${name}.new`, name)
  }
  if (names.length > 0) await directory.sync()
}

/** An earlier failure may have left the name behind, where removing it failed too. */
async function createAnew(directory: Directory, name: string): Promise<File> {
  try {
    return await directory.create(name)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    await directory.remove(name)
    return directory.create(name)
  }
}

/** The file that is being opened. Fails with `data-rotten` where that is no plain file. */
export async function plainFile(
  directory: Directory,
  name: string,
  opening: Promise<File>,
): Promise<File> {
  try {
    return await opening
  } catch (error) {
    if (!hasCode(error, 'EISDIR', 'ELOOP', 'ENXIO', 'EFTYPE')) throw error
    const kind = name === RESERVE_NAME ? 'file' : 'segment'
    throw new OperatingError(
      'data-rotten',
      `${name} in ${directory.path} is no plain file: move it away, and put the ${kind} of that` +
        ' name back if there was one. Nothing was changed.',
    )
  }
}

/** The CRC-32C of a text, as the last line of a text file states it. */
export function checkOf(text: string): string {
  const bytes = utf8Bytes(text)
  return crc32c(bytes, 0, bytes.length).toString(16).padStart(8, '0')
}

/** Whether a system error has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' && codes.includes(code)
}

/** Whether the system failed a call: such an error has a code of errno. */
export function isSystemError(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)
}

/** Reads up to `length` bytes, fewer only at the end of the file; the count. */
export async function readFully(
  file: File,
  position: number,
  into: Uint8Array,
  start: number,
  length: number,
): Promise<number> {
  let done = 0
  while (done < length) {
    const count = await file.read(position + done, into, start + done, length - done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Of a text file the first `bytesMax` bytes; undefined where they are not UTF-8. */
export async function readText(
  directory: Directory,
  name: string,
  bytesMax: number,
): Promise<string | undefined> {
  const file = await directory.open(name)
  try {
    const bytes = new Uint8Array(Math.min(await file.size(), bytesMax))
    const count = await readFully(file, 0, bytes, 0, bytes.length)
    return utf8TextExact(bytes.subarray(0, count))
  } finally {
    await file.close()
  }
}
