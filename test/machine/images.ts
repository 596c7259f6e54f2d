/**
 * Disks whose power can be cut: ext4 in files in memory, mounted by loop devices.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CannotRun } from '../prove/proof.ts'
import type { Caretaker } from './caretaker.ts'

/** Where images lie: memory, so that their own disk is no bottleneck. */
export const IMAGES_ROOT = '/dev/shm'

export class Image {
  readonly target: string
  readonly #caretaker: Caretaker
  readonly #device: string

  private constructor(caretaker: Caretaker, device: string, target: string) {
    this.#caretaker = caretaker
    this.#device = device
    this.target = target
  }

  /** Makes and mounts one of `mebibytes` below `root`. Throws `CannotRun` where that cannot be. */
  static async make(
    caretaker: Caretaker,
    root: string,
    name: string,
    mebibytes: number,
  ): Promise<Image> {
    const file = join(root, `${name}.img`)
    const target = join(root, name)
    mkdirSync(target)
    try {
      await caretaker.run(`truncate -s ${mebibytes}M ${file}; mkfs.ext4 -q -E nodiscard ${file}`)
      const device = (await caretaker.run(`losetup -f --show ${file}`)).trim()
      await caretaker.later(`! losetup ${device} | grep -q ${file} || losetup -d ${device}`)
      const image = new Image(caretaker, device, target)
      await caretaker.later(`! mountpoint -q ${target} || umount ${target}`)
      await image.mount()
      return image
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new CannotRun(`no ext4 can be mounted by a loop device here: ${why}`)
    }
  }

  async mount(): Promise<void> {
    await this.#caretaker.mount(this.#device, this.target, 'ext4', '')
  }

  /** Requires: whoever used it has ended, or is about to. */
  async umount(): Promise<void> {
    await this.#caretaker.umount(this.target)
  }

  /** Takes it off the machine; its file stays. */
  async remove(): Promise<void> {
    await this.umount()
    await this.#caretaker.run(`losetup -d ${this.#device}`)
  }
}

/** Cuts the power of all of them, at once. */
export async function cutPower(caretaker: Caretaker, images: readonly Image[]): Promise<void> {
  await caretaker.cut(images.map((image) => image.target))
}
