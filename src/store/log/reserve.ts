/**
 * The reserve: a file of zeros that becomes a segment when the disk has no room for another.
 *
 * It is there for deletes, and for whatever else the log must write on a full disk. Its space is
 * taken while there is room, in the same way as a segment's, so no other program can take it; when
 * it is needed it gets a segment's header and name, which takes no space. The allocator makes a new
 * one once there is room again.
 *
 * Why not: remove the file and write a segment in its place. Other programs may be faster.
 */
import { assert } from '../../base/assert.ts'
import type { Directory } from '../../world/disk.ts'
import { createWhole, hasCode, plainFile, RESERVE_NAME, segmentName } from '../files.ts'
import { encodeSegmentHeader, type OpenSegment, writeZeros } from './segment.ts'

export class Reserve {
  /** What a whole one has. */
  readonly fullBytes: number
  readonly #directory: Directory
  #bytes: number

  private constructor(directory: Directory, fullBytes: number, bytes: number) {
    this.#directory = directory
    this.fullBytes = fullBytes
    this.#bytes = bytes
  }

  /**
   * Finds the reserve that an earlier start has left. Makes none. Fails with `data-rotten` where it
   * is no plain file.
   */
  static async find(directory: Directory, fullBytes: number): Promise<Reserve> {
    if (!(await directory.list()).includes(RESERVE_NAME)) {
      return new Reserve(directory, fullBytes, 0)
    }
    const file = await plainFile(directory, RESERVE_NAME, directory.open(RESERVE_NAME))
    try {
      return new Reserve(directory, fullBytes, await file.size())
    } finally {
      await file.close()
    }
  }

  /** Bytes of the file; 0 where there is none. */
  get bytes(): number {
    return this.#bytes
  }

  get isWhole(): boolean {
    return this.#bytes >= this.fullBytes
  }

  /** Makes a whole one, in the place of a smaller one that an earlier start has left. */
  async make(): Promise<void> {
    const file = await createWhole(this.#directory, RESERVE_NAME, (created) =>
      writeZeros(created, 0, this.fullBytes),
    )
    await file.close()
    this.#bytes = this.fullBytes
  }

  /**
   * Requires: there was one. Durable, name and all, when this resolves. Fails with `ENOENT` where
   * it is gone.
   */
  async becomeSegment(number: number, digestKey: Uint8Array): Promise<OpenSegment> {
    const bytes = this.#bytes
    assert(bytes > 0, 'a reserve that is there is used')
    const file = await this.#directory.open(RESERVE_NAME).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) this.#bytes = 0
      throw error
    })
    try {
      await file.write(0, encodeSegmentHeader(number, bytes, digestKey))
      await file.sync()
      await this.#directory.rename(RESERVE_NAME, segmentName(number))
      this.#bytes = 0
      await this.#directory.sync()
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    }
    return { number, bytes, file }
  }
}
