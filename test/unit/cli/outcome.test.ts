/** The reason with which a command ends, for people and as JSON. */
import t, { type Test } from 'tap'
import { OperatingError } from '../../../src/base/errors.ts'
import { EXIT, exitCodeOf, tellFailure } from '../../../src/cli/outcome.ts'

const NODE = '0123456789abcdef'

/** What `tellFailure` writes. */
function told(t: Test, error: OperatingError, isJson: boolean): string {
  const write = t.capture(process.stderr, 'write')
  tellFailure(error, isJson)
  const text = write()
    .map(({ args }) => args[0])
    .join('')
  write.restore()
  return text
}

t.test('a failure says which nodes did not answer and which limit was reached', async (t) => {
  const short = new OperatingError('replicas-short', '1 of the 2 owners needed: others are away', {
    details: { needed: 2, answered: 1, nodes: [{ node: NODE, code: 'peer-away' }] },
  })
  t.equal(
    told(t, short, false),
    `everwrite: ${short.message} (replicas-short); node ${NODE}: peer-away\n`,
  )
  const { code, message, certainty, isRetryable, details } = short
  const error = { code, message, certainty, isRetryable, details }
  t.same(JSON.parse(told(t, short, true)), { error })
  const limit = { name: 'calls-max', value: 4096 }
  const full = new OperatingError('overloaded', 'wait', { details: { limit, retryAfterMs: 50 } })
  t.equal(told(t, full, false), 'everwrite: wait (overloaded); limit calls-max: 4096\n')
})

t.test('a failure of which nothing more is known says no more', async (t) => {
  const error = new OperatingError('closed', 'connect again')
  t.equal(told(t, error, false), 'everwrite: connect again (closed)\n')
  t.notOk('details' in JSON.parse(told(t, error, true)).error)
})

t.test('the context of another cluster is an error of its user', async (t) => {
  const error = new OperatingError('context-other-cluster', 'read the key from this one')
  t.equal(exitCodeOf(error), EXIT.usage)
})
