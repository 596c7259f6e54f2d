/**
 * The records of all buckets that were created, as this node knows them.
 *
 *   everwrite buckets 1
 *   buckets 0200… (hexadecimal, as bucket-bytes.ts says)
 *   crc32c 89abcdef
 *
 * The file is replaced as a whole, and durable before this node serves such a bucket or tells of
 * it. A directory without it has heard of none.
 */
import { bytesOfHex, hexOf, utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { recordsBytes, recordsOfBytes } from '../dynamo/buckets/bucket-bytes.ts'
import type { BucketRecord } from '../dynamo/buckets/bucket-record.ts'
import { BUCKET_BYTES_MAX, BUCKET_RECORDS_MAX } from '../limits.ts'
import type { Directory } from '../world/disk.ts'
import { BUCKETS_NAME, checkOf, readText, replaceWhole } from './files.ts'

/** Two names a record, and 64 bytes for all else, each as two digits. */
const BUCKETS_BYTES_MAX: number = 2 * BUCKET_RECORDS_MAX * (2 * BUCKET_BYTES_MAX + 64)

export async function writeBuckets(
  directory: Directory,
  records: readonly BucketRecord[],
): Promise<void> {
  const checked = `everwrite buckets 1\nbuckets ${hexOf(recordsBytes(records))}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, BUCKETS_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Undefined in a directory that has no such file yet. Fails with `data-rotten`. */
export async function readBuckets(
  directory: Directory,
): Promise<readonly BucketRecord[] | undefined> {
  if (!(await directory.list()).includes(BUCKETS_NAME)) return undefined
  const records = parse(await readText(directory, BUCKETS_NAME, BUCKETS_BYTES_MAX))
  if (records !== undefined) return records
  throw new OperatingError(
    'data-rotten',
    `the file ${BUCKETS_NAME} in ${directory.path} is garbled: restore it from a backup, or start` +
      ' this node with an empty directory and --rebuild. Nothing was changed.',
  )
}

function parse(text: string | undefined): readonly BucketRecord[] | undefined {
  const [format, row = '', check, end, ...more] = (text ?? '').split('\n')
  const checked = `${format}\n${row}\n`
  const isWhole = end === '' && more.length === 0 && check === `crc32c ${checkOf(checked)}`
  if (!isWhole || format !== 'everwrite buckets 1' || !row.startsWith('buckets ')) return undefined
  const bytes = bytesOfHex(row.slice('buckets '.length))
  return bytes && recordsOfBytes(bytes)
}
