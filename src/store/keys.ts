/**
 * The ring of cluster keys that a data directory keeps.
 *
 *   everwrite keys 1
 *   ring 01a0… (hexadecimal, as key-ring.ts says)
 *   crc32c 89abcdef
 *
 * It is a secret, mode 0600 as all files of the directory. It is replaced as a whole, and durable
 * before this node uses a key of it or tells that it has it.
 */
import { bytesOfHex, hexOf, utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { type KeyRing, keyRingBytes, keyRingOfBytes } from '../dynamo/membership/key-ring.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, KEYS_NAME, readText, replaceWhole } from './files.ts'

const KEYS_BYTES_MAX = 8 * 1024

export async function writeKeyRing(directory: Directory, ring: KeyRing): Promise<void> {
  const checked = `everwrite keys 1\nring ${hexOf(keyRingBytes(ring))}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, KEYS_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Undefined in a directory that has no such file yet. Fails with `data-rotten`. */
export async function readKeyRing(directory: Directory): Promise<KeyRing | undefined> {
  if (!(await directory.list()).includes(KEYS_NAME)) return undefined
  const ring = parse(await readText(directory, KEYS_NAME, KEYS_BYTES_MAX))
  if (ring !== undefined) return ring
  throw new OperatingError(
    'data-rotten',
    `the file ${KEYS_NAME} in ${directory.path} is garbled: restore it from a backup, or copy` +
      ' that of another member of this cluster. Nothing was changed.',
  )
}

function parse(text: string | undefined): KeyRing | undefined {
  const lines = (text ?? '').split('\n')
  const [head, listed = ''] = lines
  const checked = `${lines.slice(0, -2).join('\n')}\n`
  const isWhole = lines.at(-1) === '' && lines.at(-2) === `crc32c ${checkOf(checked)}`
  const digits = /^ring ([0-9a-f]+)$/.exec(listed)?.[1]
  const bytes = digits === undefined ? undefined : bytesOfHex(digits)
  const isRing = isWhole && lines.length === 4 && head === 'everwrite keys 1'
  return isRing && bytes !== undefined ? keyRingOfBytes(bytes) : undefined
}
