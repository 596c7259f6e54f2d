/**
 * Convert a record to a line of JSON and back, for `import`, `export`, `get` and `keys`.
 *
 *     {"key":"anna","value":"tea"}                            text
 *     {"key64":"/w==","value64":"/wA="}                       bytes that are not UTF-8, as base64
 *     {"key":"anna","siblings":[{"value":"tea"},{"value":"milk"}]}      not yet reconciled
 */
import { utf8BytesExact, utf8TextExact } from '../../base/bytes.ts'
import { misuse } from '../outcome.ts'

export interface ImportRecord {
  readonly key: Uint8Array
  /** One value, or several siblings. */
  readonly values: readonly Uint8Array[]
}

/** `{ key }` where the bytes are UTF-8, `{ key64 }` where they are not; the same for `value`. */
export function fieldOf<Name extends string>(
  name: Name,
  bytes: Uint8Array,
): Readonly<Record<string, string>> {
  const text = utf8TextExact(bytes)
  if (text !== undefined) return { [name]: text }
  return { [`${name}64`]: Buffer.from(bytes).toString('base64') }
}

/** The record of one key with at least one value. */
export function recordLine(key: Uint8Array, siblings: readonly Uint8Array[]): string {
  const [only] = siblings
  const rest =
    siblings.length === 1 && only !== undefined
      ? fieldOf('value', only)
      : { siblings: siblings.map((sibling) => fieldOf('value', sibling)) }
  return JSON.stringify({ ...fieldOf('key', key), ...rest })
}

/** Throws `input-wrong`, naming the line and what is wrong in it. */
export function parseRecord(line: string, lineNumber: number): ImportRecord {
  const fail: Fail = (sentence) => {
    throw misuse(`line ${lineNumber} ${sentence}`)
  }
  if (line.startsWith(BYTE_ORDER_MARK)) fail('begins with a byte order mark: remove these 3 bytes')
  const record = objectOf(line) ?? fail('is not a JSON object: each line is one record')
  for (const name of Object.keys(record)) {
    if (!FIELDS.has(name)) fail(`has a field ${JSON.stringify(name)}, which no record has`)
  }
  const key =
    bytesOf(record, 'key', fail) ?? fail('has no key: give "key" (text) or "key64" (base64)')
  const value = bytesOf(record, 'value', fail)
  const siblings = record['siblings']
  if (siblings === undefined) {
    return {
      key,
      values: [value ?? fail('has no value: give "value" (text) or "value64" (base64)')],
    }
  }
  if (value !== undefined) fail('has both a value and siblings: give one of them')
  if (!Array.isArray(siblings) || siblings.length === 0) {
    return fail('has siblings that are no list of values')
  }
  const values = siblings.map(
    (sibling: unknown) =>
      (isRecord(sibling) ? bytesOf(sibling, 'value', fail) : undefined) ??
      fail('has a sibling without "value" or "value64"'),
  )
  return { key, values }
}

type Fail = (sentence: string) => never

const BYTE_ORDER_MARK = '\ufeff'
const FIELDS: ReadonlySet<string> = new Set(['key', 'key64', 'value', 'value64', 'siblings'])

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The bytes of a field, well-formed text or base64; undefined if it is not there. */
function bytesOf(
  record: Record<string, unknown>,
  name: string,
  fail: Fail,
): Uint8Array | undefined {
  const name64 = `${name}64`
  const [text, base64] = [record[name], record[name64]]
  if (text === undefined && base64 === undefined) return undefined
  if (text !== undefined && base64 !== undefined) {
    return fail(`has both "${name}" and "${name64}": give one of them`)
  }
  if (typeof text === 'string') {
    return utf8BytesExact(text) ?? fail(`has a "${name}" with half of a surrogate pair`)
  }
  if (typeof base64 === 'string') {
    return bytesOfBase64(base64) ?? fail(`has a "${name64}" that is not base64`)
  }
  const [given, value] = text === undefined ? [name64, base64] : [name, text]
  return fail(`has a "${given}" that is ${kindOf(value)}: give text, in quotes`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Takes both alphabets, with or without padding; undefined for any other spelling of the bytes. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  const canonical = text.replaceAll('-', '+').replaceAll('_', '/')
  const exact = bytes.toString('base64')
  return canonical === exact || canonical === exact.replace(/=+$/, '') ? bytes : undefined
}
