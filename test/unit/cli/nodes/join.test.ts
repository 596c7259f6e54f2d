/** The options of a node that joins, and the file of its invitation. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { joinOptionsOf } from '../../../../src/cli/nodes/join.ts'
import { readInvitationFile } from '../../../../src/cli/settings/key-file.ts'
import { INVITATION, INVITATION_TEXT } from '../../../support/join-examples.ts'

t.test('both options are given, or none', async (t) => {
  t.equal(joinOptionsOf(undefined, undefined), undefined)
  const address = { host: '10.0.0.1', port: 7500 }
  t.same(joinOptionsOf('10.0.0.1:7500', 'file'), { address, invitationFile: 'file' })
  const together = { code: 'input-wrong', message: /go together/ }
  t.throws(() => joinOptionsOf('10.0.0.1:7500', undefined), together)
  t.throws(() => joinOptionsOf(undefined, 'file'), together)
  for (const wrong of ['10.0.0.1', '10.0.0.1:0', '10.0.0.1:99999', ':7500', '']) {
    const expected = { code: 'input-wrong', message: /--join is host:port/ }
    t.throws(() => joinOptionsOf(wrong, 'file'), expected, wrong)
  }
})

t.test('the file of an invitation is for its owner alone, as key files are', async (t) => {
  const path = join(t.testdir(), 'invitation')
  t.throws(() => readInvitationFile(path), { code: 'key-file-wrong', message: /ENOENT/ })
  writeFileSync(path, `${INVITATION_TEXT}\n`)
  chmodSync(path, 0o600)
  t.same(readInvitationFile(path), INVITATION)
  writeFileSync(path, 'a key')
  t.throws(() => readInvitationFile(path), { code: 'invitation-wrong' })
  chmodSync(path, 0o640)
  t.throws(() => readInvitationFile(path), { code: 'key-file-wrong', message: /chmod 600/ })
})
