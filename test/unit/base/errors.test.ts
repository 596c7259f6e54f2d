import t from 'tap'
import { assert, BrokenBelief, unreachable } from '../../../src/base/assert.ts'
import {
  ERROR_KINDS,
  errorCodeOf,
  isOperatingError,
  OperatingError,
} from '../../../src/base/errors.ts'

t.test('an error has the certainty and retryability of its code', async (t) => {
  const cause = new Error('why')
  const error = new OperatingError('disk-failed', 'start the node again', { cause })
  t.match(error, { code: 'disk-failed', certainty: 'in-doubt', isRetryable: true, cause })
  t.equal(error.message, 'start the node again')
  t.equal(new OperatingError('closed', '').certainty, 'refused')
  t.equal(new OperatingError('closed', '', { certainty: 'in-doubt' }).certainty, 'in-doubt')
})

t.test('an operating error is recognised, also from another copy of the library', async (t) => {
  t.ok(isOperatingError(new OperatingError('closed', '')))
  t.ok(isOperatingError({ [Symbol.for('everwrite.error')]: true }))
  for (const other of [undefined, null, 'closed', {}, new Error('x'), new BrokenBelief('y')]) {
    t.notOk(isOperatingError(other))
  }
})

t.test('each number names its code, and a number of a newer peer reads as internal', async (t) => {
  for (const [code, kind] of Object.entries(ERROR_KINDS)) t.equal(errorCodeOf(kind.number), code)
  t.equal(errorCodeOf(9_999), 'internal')
})

t.test('a false assertion throws and states the condition', async (t) => {
  t.doesNotThrow(() => assert(true, 'all is well'))
  t.throws(() => assert(false, 'all is well'), new BrokenBelief('not so: all is well'))
  t.throws(() => unreachable('left' as never), BrokenBelief)
})
