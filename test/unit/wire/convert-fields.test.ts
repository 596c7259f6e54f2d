/** Fields of every message: those that are known have their type, and one tells the ring. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import { decodeRequest, encodeRequest } from '../../../src/wire/convert.ts'
import { fieldsOf, REQUEST_FIELDS } from '../../../src/wire/convert-fields.ts'
import { REQUEST_KINDS, type RequestKind } from '../../../src/wire/message/table.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { bytesOf, sessionPair } from '../../support/wire-frames.ts'

const FOLDER = fileURLToPath(new URL('../../../../protocol/', import.meta.url))

t.test('the fields of a message are numbered from 1 without gaps', async (t) => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.proto'))
  let messages = 0
  for (const file of files) {
    const text = readFileSync(`${FOLDER}${file}`, 'utf8')
    for (const [, name, body] of text.matchAll(/^message (\w+) \{\n([^}]*)\}/gm)) {
      const numbers = [...(body as string).matchAll(/ = (\d+);/g)].map(([, n]) => Number(n))
      const expected = Array.from({ length: fieldsOf(name as string) }, (_, i) => i + 1)
      t.same(
        numbers.toSorted((a, b) => a - b),
        expected,
        `${name}`,
      )
      messages += 1
    }
  }
  t.ok(messages > 30)
})

t.test(
  'a known field of a wrong wire type is refused, an unknown field is passed over',
  async (t) => {
    for (const kind of Object.keys(REQUEST_KINDS) as RequestKind[]) {
      const right = Buffer.from(bytesOf(encodeRequest(kind, REQUESTS[kind])))
      const codeWith = (...more: number[]): string => {
        const bytes = Buffer.concat([right, Buffer.from(more)])
        try {
          decodeRequest(kind, bytes, 0, bytes.length)
          return 'ok'
        } catch (error) {
          return isOperatingError(error) ? error.code : String(error)
        }
      }
      // Wire type 5, four bytes, is that of no field of a request.
      for (let field = 1; field <= REQUEST_FIELDS[kind]; field++) {
        const code = codeWith((field << 3) | 5, 0, 0, 0, 0)
        t.equal(code, 'message-garbled', `${kind}, field ${field}`)
      }
      t.equal(codeWith((14 << 3) | 2, 3, 1, 2, 3), 'ok', kind)
    }
  },
)

t.test('an answer to a client tells the ring, whatever its message', async (t) => {
  let ring = 7
  const { near, world, farEvents } = await sessionPair(
    undefined,
    undefined,
    undefined,
    undefined,
    () => ring,
  )
  const told: number[] = []
  near.onRing = (hi) => told.push(hi)
  farEvents.onCall = (call) => {
    if (call.kind === 'get') call.answer(REPLIES.get)
    else call.fail(new OperatingError('overloaded', 'try later'))
  }
  const ask = (kind: 'get' | 'put'): void => {
    near.call(kind, REQUESTS[kind], () => undefined)
    world.run()
  }
  ask('get')
  ask('put')
  t.same(told, [7], 'told once')
  ring = 0xffff_ffff
  ask('put')
  t.same(told, [7, 0xffff_ffff], 'a failure tells it too')
})
