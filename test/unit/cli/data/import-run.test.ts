/** An import waits where a cluster refuses for a passing reason, and ends on any other failure. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { ImportRun } from '../../../../src/cli/data/import-run.ts'
import type { Bucket } from '../../../../src/client/bucket.ts'

const LINES = ['{"key":"a","value":"1"}', '{"key":"b","value":"2"}', '{"key":"c","value":"3"}']

/** Runs an import whose puts fail as `failures` say, one after another, and then succeed. */
async function outcomeOf(failures: readonly OperatingError[]) {
  const left = [...failures]
  let puts = 0
  const bucket = {
    put: () => {
      puts += 1
      const failure = left.shift()
      return failure === undefined ? Promise.resolve({}) : Promise.reject(failure)
    },
  } as unknown as Bucket<Uint8Array>
  const run = new ImportRun(bucket, 1)
  async function* lines() {
    yield* LINES
  }
  const source = { lines: lines(), bytesRead: () => 0 }
  const ended = run.all(source as never, { update: () => undefined } as never)
  const code = await ended.then(
    () => 'done',
    (error: OperatingError) => error.code,
  )
  return { code, puts, records: run.records }
}

t.test('records that are refused as overloaded are put again', async (t) => {
  const busy = ['overloaded', 'replicas-short', 'overloaded'] as const
  const failures = busy.map((code) => new OperatingError(code, 'later'))
  t.same(await outcomeOf(failures), { code: 'done', puts: 6, records: 3 })
})

t.test('what is in doubt, or refused for good, ends the import', async (t) => {
  for (const code of ['write-in-doubt', 'key-wrong'] as const) {
    const outcome = await outcomeOf([new OperatingError(code, 'no')])
    t.same(outcome, { code, puts: 1, records: 0 })
  }
})
