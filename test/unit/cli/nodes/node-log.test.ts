/** Log files of `everwrite dev` stay within a bound. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rotate } from '../../../../src/cli/nodes/node-log.ts'

t.test('a log that has grown is moved away, and the one before is replaced', async (t) => {
  const log = join(t.testdir(), 'node-1.log')
  rotate(log, 10)
  writeFileSync(log, '0123456789')
  rotate(log, 10)
  t.notOk(existsSync(`${log}.1`), 'it is not too long')
  for (const text of ['a', 'b']) {
    appendFileSync(log, text.repeat(20))
    rotate(log, 10)
    t.equal(readFileSync(log, 'utf8'), '')
  }
  t.equal(readFileSync(`${log}.1`, 'utf8'), 'b'.repeat(20))
})
