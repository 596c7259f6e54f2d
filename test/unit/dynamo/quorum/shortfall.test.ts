/** The reason of a request that too few owners can serve, out of the reasons of the owners. */
import t from 'tap'
import { ERROR_KINDS, type ErrorCode } from '../../../../src/base/errors.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { reasonOf } from '../../../../src/dynamo/quorum/shortfall.ts'

/** How many owners are missing, why each of those that failed did, and the reason. */
const TABLE: readonly (readonly [number, readonly ErrorCode[], ErrorCode])[] = [
  [1, ['peer-away'], 'replicas-short'],
  [1, ['record-rotten'], 'record-rotten'],
  [1, ['replica-rebuilding'], 'replica-rebuilding'],
  [2, ['replica-rebuilding', 'replica-rebuilding'], 'replica-rebuilding'],
  [1, ['overloaded', 'overloaded'], 'overloaded'],
  [1, ['ring-differs'], 'ring-differs'],
  [1, ['deadline-passed', 'deadline-passed'], 'deadline-passed'],
  // As many as are missing recover soonest; the reason is that of the last of them.
  [1, ['peer-away', 'overloaded'], 'overloaded'],
  [2, ['peer-away', 'overloaded'], 'replicas-short'],
  [1, ['peer-away', 'record-rotten'], 'record-rotten'],
  [2, ['peer-away', 'record-rotten'], 'replicas-short'],
  [1, ['replica-rebuilding', 'peer-away'], 'replicas-short'],
  [2, ['replica-rebuilding', 'peer-away'], 'replica-rebuilding'],
  [1, ['record-rotten', 'deadline-passed'], 'deadline-passed'],
  [3, ['overloaded', 'record-rotten', 'ring-differs'], 'ring-differs'],
  // A reason of one owner alone says nothing about the request.
  [1, ['disk-failed'], 'replicas-short'],
  [1, ['connection-lost', 'node-stopping', 'message-garbled'], 'replicas-short'],
  // Of owners that have not failed nothing is known.
  [3, ['record-rotten'], 'record-rotten'],
  [1, [], 'replicas-short'],
]

t.test('the reason is that of the last owner that the request has to wait for', async (t) => {
  for (const [missing, codes, expected] of TABLE) {
    const failures = codes.map((code, i) => ({ node: nodeId(`${i}`.repeat(16)), code }))
    t.equal(reasonOf(failures, missing), expected, `${missing} missing: ${codes.join(', ')}`)
    t.equal(reasonOf(failures.toReversed(), missing), expected, 'in any order of the owners')
  }
})

t.test('whatever the owners say, the request is certainly not applied', async (t) => {
  for (const code of Object.keys(ERROR_KINDS) as ErrorCode[]) {
    const kind = ERROR_KINDS[reasonOf([{ node: nodeId('a'.repeat(16)), code }], 1)]
    t.match(kind, { certainty: 'refused', isRetryable: true }, code)
  }
})
