import t from 'tap'
import { perform } from '../../../src/base/deliver.ts'
import { OperatingError } from '../../../src/base/errors.ts'

/** What an engine throws that was installed with another copy of this package. */
const OTHER_COPY = Object.assign(new Error('full'), {
  code: 'disk-full',
  [Symbol.for('everwrite.error')]: true,
})

t.test(
  'an operating error is delivered, at once or later, of any copy of the package',
  async (t) => {
    const errors = [new OperatingError('disk-full', 'full'), OTHER_COPY]
    for (const error of errors) {
      const delivered: unknown[] = []
      perform(
        () => {
          throw error
        },
        (result) => delivered.push(result),
      )
      await new Promise<void>((resolve) => {
        perform(
          () => Promise.reject(error),
          (result) => {
            delivered.push(result)
            resolve()
          },
        )
      })
      t.ok(delivered.every((one) => one instanceof OperatingError && one.code === 'disk-full'))
    }
  },
)

t.test('any other error is a bug and is thrown on', async (t) => {
  const bug = (): never => {
    throw new TypeError('a bug')
  }
  t.throws(() => perform(bug, () => t.fail('nothing is delivered')), TypeError)
})
