/**
 * Who owns what, as this node knows it: tables, and how far their moves are.
 *
 *   everwrite ring 1
 *   stages 5f0c… (hexadecimal, as ring-bytes.ts says)
 *   adopted 5f0c…
 *   stated 5f0c… (where a newer table was adopted)
 *   crc32c 89abcdef
 *
 * The file is replaced as a whole, and durable before this node uses or tells anything of it. A
 * directory without it is at the first table of its cluster.
 */
import { bytesOfHex, hexOf, utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { stagesBytes, stagesOfBytes, tableBytes, tableOfBytes } from '../dynamo/ring/ring-bytes.ts'
import { isKeptRing, type KeptRing } from '../dynamo/ring/ring-view.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, readText, replaceWhole, RING_NAME } from './files.ts'

/** Three tables of 4,096 members with their texts, and 65,536 partitions of 7 N, twice. */
const RING_BYTES_MAX: number = 320 * 1024 * 1024

export async function writeRing(directory: Directory, ring: KeptRing): Promise<void> {
  const { stages, adopted, stated } = ring
  const lines = [
    'everwrite ring 1',
    `stages ${hexOf(stagesBytes(stages))}`,
    `adopted ${hexOf(tableBytes(adopted))}`,
    ...(stated === undefined ? [] : [`stated ${hexOf(stagesBytes(stated))}`]),
  ]
  const checked = `${lines.join('\n')}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, RING_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Undefined in a directory that has no such file yet. Fails with `data-rotten`. */
export async function readRing(directory: Directory): Promise<KeptRing | undefined> {
  if (!(await directory.list()).includes(RING_NAME)) return undefined
  const ring = parse(await readText(directory, RING_NAME, RING_BYTES_MAX))
  if (ring !== undefined) return ring
  throw new OperatingError(
    'data-rotten',
    `the file ${RING_NAME} in ${directory.path} is garbled: restore it from a backup, or start` +
      ' this node with an empty directory and --rebuild. Nothing was changed.',
  )
}

function parse(text: string | undefined): KeptRing | undefined {
  const lines = (text ?? '').split('\n')
  const checked = `${lines.slice(0, -2).join('\n')}\n`
  const isWhole = lines.at(-1) === '' && lines.at(-2) === `crc32c ${checkOf(checked)}`
  if (!isWhole || lines[0] !== 'everwrite ring 1') return undefined
  const [stages, adopted, stated] = ['stages', 'adopted', 'stated'].map((label, i) => {
    const line = lines[i + 1] ?? ''
    return line.startsWith(`${label} `) ? bytesOfHex(line.slice(label.length + 1)) : undefined
  })
  const known = stages && stagesOfBytes(stages)
  const table = adopted && tableOfBytes(adopted)
  if (known === undefined || table === undefined) return undefined
  const statement = stated && stagesOfBytes(stated)
  if (stated !== undefined && statement === undefined) return undefined
  const kept = { stages: known, adopted: table, stated: statement }
  return isKeptRing(kept) ? kept : undefined
}
