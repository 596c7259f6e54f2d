/**
 * What a member remembers of rounds (docs/design.md 3.6): its floors, beside the log that they are
 * about.
 *
 *   everwrite rounds 1
 *   closed 12 known
 *   closing 0123456789abcdef:17 89abcdeffedcba98:all
 *   adopted 11 base 3
 *   floor …
 *   left 89abcdeffedcba98
 *   covered 12 base 3
 *   floor …
 *   left
 *   crc32c 89abcdef
 *
 * The first number is of the round that was closed here last, `unknown` where this disk does not
 * know all that was. `closing` joins every floor that was closed here, without the starts that were
 * left out since.
 * The three lines of `covered` are missing where no round is covered and not adopted. The file is
 * replaced as a whole, after the log is durable as far as it relies on it.
 */
import { utf8Bytes } from '../base/bytes.ts'
import { isId, type Start, startId } from '../dynamo/names.ts'
import { ENDED, type Floor, NO_FLOOR } from '../dynamo/repair/floor.ts'
import { NO_ROUND, type RoundFloor } from '../dynamo/repair/round.ts'
import { FLOOR_STARTS_MAX } from '../limits.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, readText, replaceWhole, ROUNDS_NAME } from './files.ts'

export interface RoundsState {
  /** The number of the round that was closed here last. */
  readonly closed: number
  readonly closing: Floor
  /** False until a member has told what was closed before the disk was emptied or set back. */
  readonly knowsClosed: boolean
  readonly adopted: RoundFloor
  /** Covered and not adopted yet. */
  readonly covered: RoundFloor | undefined
}

export const NO_ROUNDS: RoundsState = {
  closed: 0,
  closing: NO_FLOOR,
  knowsClosed: true,
  adopted: NO_ROUND,
  covered: undefined,
}

/** An entry has at most 33 characters; there are at most seven lists of them. */
const ROUNDS_BYTES_MAX: number = 7 * 33 * FLOOR_STARTS_MAX + 1024

export async function writeRounds(directory: Directory, state: RoundsState): Promise<void> {
  const { closed, closing, knowsClosed, adopted, covered } = state
  const lines = [
    'everwrite rounds 1',
    `closed ${closed} ${knowsClosed ? 'known' : 'unknown'}`,
    `closing${floorText(closing)}`,
    ...roundLines('adopted', adopted),
    ...(covered === undefined ? [] : roundLines('covered', covered)),
  ]
  const checked = `${lines.join('\n')}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, ROUNDS_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Undefined where the file is missing or garbled: the floors are lost, as if the disk was. */
export async function readRounds(directory: Directory): Promise<RoundsState | undefined> {
  const names = await directory.list()
  return names.includes(ROUNDS_NAME)
    ? parse(await readText(directory, ROUNDS_NAME, ROUNDS_BYTES_MAX))
    : undefined
}

function roundLines(label: string, round: RoundFloor): readonly string[] {
  const { number, base, floor, leftOut } = round
  return [
    `${label} ${number} base ${base}`,
    `floor${floorText(floor)}`,
    ['left', ...leftOut].join(' '),
  ]
}

function floorText(floor: Floor): string {
  const entries = [...floor].map(([start, counter]) => {
    return ` ${start}:${counter === ENDED ? 'all' : counter}`
  })
  return entries.join('')
}

function parse(text: string | undefined): RoundsState | undefined {
  const lines = (text ?? '').split('\n')
  const check = lines.at(-2)
  const checked = `${lines.slice(0, -2).join('\n')}\n`
  if (lines[0] !== 'everwrite rounds 1' || check !== `crc32c ${checkOf(checked)}`) return undefined
  const [, digits, known] = /^closed (\d{1,15}) (known|unknown)$/.exec(lines[1] ?? '') ?? []
  const closed = numberOf(digits)
  const closing = floorOf('closing', lines[2])
  const adopted = roundOf('adopted', lines.slice(3, 6))
  const hasCovered = lines.length > 8
  const covered = hasCovered ? roundOf('covered', lines.slice(6, 9)) : undefined
  if (closed === undefined || closing === undefined || adopted === undefined) return undefined
  if (hasCovered && covered === undefined) return undefined
  return { closed, closing, knowsClosed: known === 'known', adopted, covered }
}

function roundOf(label: string, lines: readonly string[]): RoundFloor | undefined {
  const [first = '', floorLine, leftLine] = lines
  const [, name, digits, base] = /^(\w+) (\d{1,15}) base (\d{1,15})$/.exec(first) ?? []
  const floor = floorOf('floor', floorLine)
  const leftOut = startsOf('left', leftLine)
  if (name !== label || floor === undefined || leftOut === undefined) return undefined
  return { number: Number(digits), base: Number(base), floor, leftOut }
}

function floorOf(label: string, line = ''): Floor | undefined {
  const [name, ...entries] = line.split(' ')
  if (name !== label) return undefined
  const floor = new Map<Start, number>()
  for (const entry of entries) {
    const [start = '', counter = ''] = entry.split(':')
    const value = counter === 'all' ? ENDED : numberOf(counter)
    if (!isId(start) || value === undefined) return undefined
    floor.set(startId(start), value)
  }
  return floor
}

function startsOf(label: string, line = ''): ReadonlySet<Start> | undefined {
  const [name, ...starts] = line.split(' ')
  return name === label && starts.every(isId) ? new Set(starts.map(startId)) : undefined
}

function numberOf(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined
}
