/** A file that a node keeps: how its writes fail. */
import t from 'tap'
import { assert } from '../../../../src/base/assert.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import { KeptFile } from '../../../../src/node/replica/kept-file.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { systemFailure } from '../../../../src/sim/system-error.ts'

function keptFile(write: () => void) {
  const { clock } = new SimWorld({ seed: 1 }).start(1)
  const failures: OperatingError[] = []
  const file = new KeptFile({
    clock,
    write: async () => write(),
    of: 'what it must remember',
    onFailed: (reason) => failures.push(reason),
  })
  return { file, failures }
}

t.test('a bug in the code that writes is thrown, and the disk is not blamed', async (t) => {
  const outOfRange = Object.assign(new RangeError('out of range'), { code: 'ERR_OUT_OF_RANGE' })
  const bugs = [
    () => assert(false, 'a row has at most N owners'),
    () => {
      throw outOfRange
    },
  ]
  for (const bug of bugs) {
    const { file, failures } = keptFile(bug)
    await t.rejects(file.save(), { message: /at most N owners|out of range/ })
    t.strictSame(failures, [])
  }
})

t.test('a disk that fails ends the node', async (t) => {
  const rotten = new OperatingError('data-rotten', 'it is garbled')
  for (const cause of [systemFailure('EIO', 'write'), rotten]) {
    const { file, failures } = keptFile(() => {
      throw cause
    })
    t.equal(await file.save(), false)
    t.match(failures, [{ code: 'disk-failed', cause }])
  }
})
