/**
 * Read and make the files that hold secrets: the cluster key, the clients' token, an invitation.
 *
 * The cluster key lets its holder pose as a node and forge contexts. A key file that other users
 * may read is therefore refused; a warning would be overlooked. Secrets that a platform mounts
 * (mode 0444, in a file system that only this process sees) have the setting `readable-secrets`.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { bytesOfHex, hexOf } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import { TOKEN_BYTES_MAX } from '../../limits.ts'
import { type Invitation, readInvitation } from '../../wire/invitation.ts'
import { createWhole } from '../whole-file.ts'

const KEY_BYTES = 16

/** The 16 bytes in the cluster key file at `path`. Throws `key-file-wrong`. */
export function readKeyFile(path: string, mayBeReadable = false): Uint8Array {
  const key = bytesOfHex(readSecret(path, mayBeReadable).trim())
  if (key?.length === KEY_BYTES) return key
  throw wrong(
    `${path} does not hold a cluster key: ${2 * KEY_BYTES} hexadecimal digits, as ` +
      '`openssl rand -hex 16` prints them',
  )
}

/** The token in the file at `path`, without the line's end. Throws `key-file-wrong`. */
export function readTokenFile(path: string, mayBeReadable = false): Uint8Array {
  const token = new TextEncoder().encode(readSecret(path, mayBeReadable).replace(/\r?\n$/, ''))
  if (token.length >= 1 && token.length <= TOKEN_BYTES_MAX) return token
  throw wrong(`${path} does not hold a token: one line of 1 to ${TOKEN_BYTES_MAX} bytes`)
}

/** The invitation in the file at `path`. Throws `key-file-wrong` or `invitation-wrong`. */
export function readInvitationFile(path: string, mayBeReadable = false): Invitation {
  return readInvitation(readSecret(path, mayBeReadable))
}

/** Makes a fresh cluster key at `path`, for its owner alone. Fails where the file is there. */
export function makeKeyFile(path: string): void {
  createWhole(path, `${hexOf(randomBytes(KEY_BYTES))}\n`, 0o600)
}

/** Throws `key-file-wrong` where other users may read the file. */
export function checkSecret(path: string, mayBeReadable: boolean): void {
  const { mode } = statSync(path)
  if ((mode & 0o077) === 0 || mayBeReadable) return
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  throw wrong(
    `${path} has mode ${octal}, so others may read it: chmod 600 ${path}, or` +
      ' lift this with --readable-secrets where only this node sees the file',
  )
}

function readSecret(path: string, mayBeReadable: boolean): string {
  try {
    checkSecret(path, mayBeReadable)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof OperatingError) throw cause
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw wrong(`${path} cannot be read (${reason}): check the path and who owns it`, cause)
  }
}

function wrong(sentence: string, cause?: unknown): OperatingError {
  return new OperatingError('key-file-wrong', sentence, { cause })
}
