/**
 * The examples of protocol/README.md are the bytes that the code writes and reads.
 *
 * If one fails after an intended change, remember that older nodes will receive the new bytes; then
 * copy the printed bytes into the page.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { bytesOfHex, hexOf, utf8Bytes } from '../../src/base/bytes.ts'
import { tokenOf } from '../../src/native/digest.ts'
import { FrameReader } from '../../src/wire/frame.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY } from '../../src/wire/message/session.ts'
import { isKeyed, REQUEST_KINDS } from '../../src/wire/message/table.ts'
import { PROOF_EXAMPLES, proofText } from '../support/handshake-examples.ts'
import { INVITATION_TEXT, sealText } from '../support/join-examples.ts'
import { EXAMPLES } from '../support/wire-examples.ts'
import { bytesOf, frameOf } from '../support/wire-frames.ts'

const PROTOCOL = join(fileURLToPath(new URL('.', import.meta.url)), '../../../protocol')
const page = readFileSync(join(PROTOCOL, 'README.md'), 'utf8')

/** Hexadecimal as in the page: the header, the body in rows of 24 bytes, the checksum. */
function setHex(frame: Uint8Array): string {
  const spaced = (bytes: Uint8Array): string => hexOf(bytes).replace(/..(?=.)/g, '$& ')
  const lines = [spaced(frame.subarray(0, 20))]
  const bodyEnd = frame.length - 4
  for (let at = 20; at < bodyEnd; at += 24) {
    lines.push(spaced(frame.subarray(at, Math.min(at + 24, bodyEnd))))
  }
  return [...lines, spaced(frame.subarray(bodyEnd))].join('\n')
}

function bytesIn(block: string): Uint8Array {
  return bytesOfHex(block.replaceAll(/\s/g, '')) as Uint8Array
}

const byKind = (a: readonly number[], b: readonly number[]): number => Number(a[0]) - Number(b[0])

/** Title to hexadecimal, of every example in the page. */
const shown = new Map<string, string>()
for (const [, title, , block] of page.matchAll(/^#### (\w+)\n\n([^\n]*)\n\n```hex\n([^`]*)\n```/gm)) {
  shown.set(title as string, block as string)
}

t.test('every example is the frame that the code writes', async (t) => {
  for (const { title, kind, callId, encode } of EXAMPLES) {
    t.equal(shown.get(title), setHex(frameOf(kind, callId, bytesOf(encode()))), title)
    t.ok(page.includes(`#### ${title}\n\nKind ${kind}, call ${callId}.\n`), `${title}: its kind`)
  }
  t.equal(shown.size, EXAMPLES.length)
})

t.test('every example is read as its message', async (t) => {
  for (const { title, kind, callId, decode, message } of EXAMPLES) {
    const told: unknown[] = []
    const reader = new FrameReader(4096, (frame) => {
      const body = frame.bytes.slice(frame.start, frame.start + frame.length)
      told.push([frame.kind, frame.callId, frame.flags, decode(body)])
    })
    t.equal(reader.feed(bytesIn(shown.get(title) ?? '')), undefined)
    t.same(told, [[kind, callId, 0, message]], title)
  }
})

t.test('every message of the .proto files has an example, by itself or within another', async (t) => {
  const sources = readdirSync(PROTOCOL).filter((name) => name.endsWith('.proto'))
  const text = sources.map((name) => readFileSync(join(PROTOCOL, name), 'utf8')).join('\n')
  const messages = [...text.matchAll(/^message (\w+) \{/gm)].map(([, name]) => name as string)
  t.ok(messages.length > 30)
  for (const name of messages) {
    const isNested = new RegExp(`^  (?:repeated )?${name} \\w+ = \\d+;`, 'm').test(text)
    t.ok(shown.has(name) || isNested, name)
  }
  t.notMatch(text, /\b[su]?(?:int|fixed)64\b/, 'no 64-bit integers')
  const fields = [...text.matchAll(/^message (\w+) \{\n((?: .*\n)*?)\}/gm)]
  for (const [, name, body] of fields) {
    const kind = REQUEST_KINDS[(name?.[0]?.toLowerCase() + (name ?? '').slice(1)) as 'get']
    if (kind === undefined || !isKeyed(kind)) continue
    t.match(body, /^\s*bytes bucket = 1;\n\s*bytes key = 2;/, `${name} begins with its key`)
  }
})

t.test('the table of kinds agrees with the code', async (t) => {
  const rows = [...page.matchAll(/^\| +(\d+) \| \w+ \|[^|]*\| (?:(\d+) )?/gm)]
  const told = new Map(rows.map(([, kind, answer]) => [Number(kind), Number(answer ?? 0)]))
  const expected = new Map<number, number>()
  for (const kind of Object.values(CONTROL_KINDS)) expected.set(kind, 0)
  for (const kind of Object.values(REQUEST_KINDS)) expected.set(kind, kind + REPLY)
  expected.set(FAILURE_KIND, 0)
  t.same(new Map([...told].sort(byKind)), new Map([...expected].sort(byKind)))
})

t.test('the numbers worked out in the text are right', async (t) => {
  const { hi, lo } = tokenOf(utf8Bytes('carts'), utf8Bytes('ann'))
  t.ok(page.includes(`hi 0x${hi.toString(16)}, lo 0x${lo.toString(16)}`))
  for (const example of PROOF_EXAMPLES) t.ok(page.includes(`\n${proofText(example)}\n`))
  t.ok(page.includes(`\n${sealText()}\n`))
  t.ok(page.includes(`\n${(INVITATION_TEXT.match(/.{1,100}/g) ?? []).join('\n')}\n`))
  const annotated = /^45 57 {3}[^`]*/m.exec(page)?.[0] ?? ''
  const bytes = [...annotated.matchAll(/^((?:[0-9a-f]{2} ?)+) /gm)].map(([, line]) => line)
  t.equal(hexOf(bytesIn(bytes.join(' '))), hexOf(bytesIn(shown.get('Get') ?? '')))
})
