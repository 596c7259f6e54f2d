/** The text of an invitation: what it brings, and how a faulty one is told. */
import t from 'tap'
import { base64urlOf, bytesOfBase64url, writeU32 } from '../../../src/base/bytes.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import { INVITATION_CHARS_MAX } from '../../../src/limits.ts'
import { crc32c } from '../../../src/native/digest.ts'
import { invitationLabel, invitationText, readInvitation } from '../../../src/wire/invitation.ts'
import { INVITATION, INVITATION_TEXT } from '../../support/join-examples.ts'

const PREFIX = 'everwrite-invitation.'

/** What the text is refused with. */
function refusalOf(text: string): string {
  try {
    readInvitation(text)
    return 'taken'
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return `${error.code}: ${error.message}`
  }
}

/** The example with other bytes, and their checksum. */
function changed(change: (bytes: Uint8Array) => Uint8Array): string {
  const bytes = bytesOfBase64url(INVITATION_TEXT.slice(PREFIX.length))
  const body = change(bytes.slice(0, -4))
  const all = new Uint8Array(body.length + 4)
  all.set(body)
  writeU32(all, body.length, crc32c(body, 0, body.length))
  return PREFIX + base64urlOf(all)
}

t.test('an invitation is one line that is read as it was written', async (t) => {
  t.match(INVITATION_TEXT, /^everwrite-invitation\.[\w-]+$/)
  t.same(readInvitation(INVITATION_TEXT), INVITATION)
  t.same(readInvitation(`  ${INVITATION_TEXT}\r\n`), INVITATION, 'as a file or a terminal has it')
})

t.test('the longest names that a configuration allows fit', async (t) => {
  const long = '\uffff'.repeat(255)
  const address = { host: long, port: 65_535 }
  const text = invitationText({ ...INVITATION, cluster: long, address })
  t.ok(text.length <= INVITATION_CHARS_MAX)
  t.same(readInvitation(text), { ...INVITATION, cluster: long, address })
})

t.test('a text with any one character changed, or cut, is mistyped and not foreign', async (t) => {
  // The last character has two bits that mean nothing.
  for (let at = PREFIX.length; at < INVITATION_TEXT.length - 1; at++) {
    const other = INVITATION_TEXT[at] === 'A' ? 'B' : 'A'
    const text = INVITATION_TEXT.slice(0, at) + other + INVITATION_TEXT.slice(at + 1)
    t.match(refusalOf(text), /^invitation-wrong: the invitation was cut or mistyped/, String(at))
  }
  for (const cut of [1, 2, 50, INVITATION_TEXT.length - PREFIX.length]) {
    t.match(refusalOf(INVITATION_TEXT.slice(0, -cut)), /cut or mistyped/, `cut by ${cut}`)
  }
  t.match(refusalOf(`${INVITATION_TEXT.slice(0, 40)} ${INVITATION_TEXT.slice(40)}`), /mistyped/)
})

t.test('what is no invitation is told so', async (t) => {
  for (const text of ['', 'secret', 'hello.AAAA', PREFIX.padEnd(INVITATION_CHARS_MAX + 1, 'A')]) {
    t.match(refusalOf(text), /^invitation-wrong: this is no invitation/)
  }
})

t.test('an invitation of a newer format, or with lengths that lie, is refused', async (t) => {
  const newer = changed((bytes) => bytes.with(0, 2))
  t.match(refusalOf(newer), /^invitation-wrong: the invitation has format 2/)
  const hostLength = 51
  for (const length of [0, 7, 9, 255]) {
    t.match(refusalOf(changed((bytes) => bytes.with(hostLength, length))), /cut or mistyped/)
  }
  t.match(refusalOf(changed((bytes) => bytes.subarray(0, hostLength))), /cut or mistyped/)
  t.match(refusalOf(changed((bytes) => bytes.with(hostLength + 2, 0xff))), /mistyped/, 'no UTF-8')
})

t.test('what is traced of an invitation has nothing of its secret', async (t) => {
  t.equal(invitationLabel(INVITATION.id), '70717273')
})
