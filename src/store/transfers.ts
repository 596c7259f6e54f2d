/**
 * How far bulk transfers to this node are: what a restart goes on from.
 *
 *   everwrite transfers 1
 *   from 0123456789abcdef n 3 bits 8
 *   done 00ff
 *   pass ff next 2:1056 end 17:30240
 *   crc32c 89abcdef
 *
 * Three lines for each member and N: the partitions of which a pass has come to its end, then those
 * of the pass that is under way, as bits, the lowest of each byte first; `-` for none. Points are
 * of that member's log. All that came before them is durable here.
 *
 * Nothing relies on it: a pass without it begins anew, and exchanges find what any pass has missed.
 */
import { bytesOfHex, hexOf, utf8Bytes } from '../base/bytes.ts'
import type { LogPoint } from '../dynamo/handoff/log-point.ts'
import { isId, nodeId, type NodeId } from '../dynamo/names.ts'
import { bitsOfPartitions, partitionsOfBits } from '../dynamo/ring/partition.ts'
import { PARTITIONS_MAX } from '../limits.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, readText, replaceWhole, TRANSFERS_NAME } from './files.ts'

export interface KeptTransfer {
  readonly from: NodeId
  readonly n: number
  /** Of the ring: partitions are numbered by them. */
  readonly bits: number
  readonly done: readonly number[]
  readonly pass: KeptPass | undefined
}

export interface KeptPass {
  /** At least one, ascending. */
  readonly partitions: readonly number[]
  readonly next: LogPoint
  readonly end: LogPoint
}

/** More are not kept: their passes begin anew after a restart. */
const KEPT_MAX = 64
const TEXT_BYTES_MAX: number = KEPT_MAX * (PARTITIONS_MAX / 2 + 1024)

export async function writeTransfers(
  directory: Directory,
  transfers: readonly KeptTransfer[],
): Promise<void> {
  const lines = ['everwrite transfers 1', ...transfers.slice(0, KEPT_MAX).flatMap(linesOf)]
  const checked = `${lines.join('\n')}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, TRANSFERS_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Empty too where the file is garbled. */
export async function readTransfers(directory: Directory): Promise<readonly KeptTransfer[]> {
  if (!(await directory.list()).includes(TRANSFERS_NAME)) return []
  return parse(await readText(directory, TRANSFERS_NAME, TEXT_BYTES_MAX)) ?? []
}

function linesOf({ from, n, bits, done, pass }: KeptTransfer): readonly string[] {
  const points = pass && ` next ${textOf(pass.next)} end ${textOf(pass.end)}`
  return [
    `from ${from} n ${n} bits ${bits}`,
    `done ${bitsOf(done)}`,
    `pass ${bitsOf(pass?.partitions ?? [])}${points ?? ''}`,
  ]
}

function parse(text: string | undefined): readonly KeptTransfer[] | undefined {
  const lines = (text ?? '').split('\n')
  const checked = `${lines.slice(0, -2).join('\n')}\n`
  const isWhole = lines.at(-1) === '' && lines.at(-2) === `crc32c ${checkOf(checked)}`
  if (!isWhole || lines[0] !== 'everwrite transfers 1') return undefined
  const transfers: KeptTransfer[] = []
  for (let at = 1; at + 2 < lines.length - 1; at += 3) {
    const transfer = transferOf(lines[at] ?? '', lines[at + 1] ?? '', lines[at + 2] ?? '')
    if (transfer === undefined) return undefined
    transfers.push(transfer)
  }
  return transfers
}

function transferOf(first: string, second: string, third: string): KeptTransfer | undefined {
  const [, from = '', n, bits] = /^from (\w+) n (\d) bits (\d{1,2})$/.exec(first) ?? []
  const [, done = ''] = /^done (\S+)$/.exec(second) ?? []
  const [, passed = '', rest = ''] = /^pass (\S+)(.*)$/.exec(third) ?? []
  const [finished, partitions] = [partitionsOf(done), partitionsOf(passed)]
  if (!isId(from) || finished === undefined || partitions === undefined) return undefined
  const kept = { from: nodeId(from), n: Number(n), bits: Number(bits), done: finished }
  if (partitions.length === 0) return { ...kept, pass: undefined }
  const [, a, b, c, d] = /^ next (\d{1,10}):(\d{1,10}) end (\d{1,10}):(\d{1,10})$/.exec(rest) ?? []
  if (d === undefined) return undefined
  const next = { segment: Number(a), offset: Number(b) }
  const end = { segment: Number(c), offset: Number(d) }
  return { ...kept, pass: { partitions, next, end } }
}

function textOf({ segment, offset }: LogPoint): string {
  return `${segment}:${offset}`
}

function bitsOf(partitions: readonly number[]): string {
  return partitions.length === 0 ? '-' : hexOf(bitsOfPartitions(partitions))
}

function partitionsOf(text: string): readonly number[] | undefined {
  const bits = text === '-' ? new Uint8Array(0) : bytesOfHex(text)
  return bits === undefined || 8 * bits.length > PARTITIONS_MAX ? undefined : partitionsOfBits(bits)
}
