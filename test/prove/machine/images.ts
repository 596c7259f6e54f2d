/**
 * Disks whose power can be cut: ext4 in files in memory, mounted by loop devices.
 *
 * Bytes that were not synced are then gone, as after a real cut. An image can also be filled: an
 * empty file takes all the room there is.
 */
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { CannotRun } from '../proof.ts'
import type { Caretaker } from './caretaker.ts'

/** Where images lie: memory, so that their own disk is no bottleneck. */
export const IMAGES_ROOT = '/dev/shm'

const BALLAST = 'ballast'
/** Files grow while the room is taken: then there is less of it than was seen. */
const FILL_ATTEMPTS = 20
const SLACK_BYTES = 65_536

/** Where an image is: enough for another process to use it. */
export interface ImagePlace {
  readonly device: string
  readonly target: string
}

export class Image {
  readonly place: ImagePlace
  readonly #caretaker: Caretaker

  /** One that has been made. */
  constructor(caretaker: Caretaker, place: ImagePlace) {
    this.#caretaker = caretaker
    this.place = place
  }

  get target(): string {
    return this.place.target
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
      await caretaker.run(
        `truncate -s ${mebibytes}M ${file}; mkfs.ext4 -q -m 0 -E nodiscard ${file}`,
      )
      const device = (await caretaker.run(`losetup -f --show ${file}`)).trim()
      await caretaker.later(`! losetup ${device} | grep -q ${file} || losetup -d ${device}`)
      const image = new Image(caretaker, { device, target })
      await caretaker.later(`! mountpoint -q ${target} || umount ${target}`)
      await image.mount()
      return image
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new CannotRun(`no ext4 can be mounted by a loop device here: ${why}`)
    }
  }

  async mount(): Promise<void> {
    await this.#caretaker.mount(this.place.device, this.target, 'ext4', '')
  }

  /** Requires: the process that used it has ended, or is about to end. */
  async umount(): Promise<void> {
    await this.#caretaker.umount(this.target)
  }

  /** Leaves next to no room, also while a node writes to it. */
  async fill(): Promise<void> {
    const ballast = join(this.target, BALLAST)
    for (let attempt = 1; ; attempt++) {
      const { bavail, bsize } = statfsSync(this.target)
      const bytes = bavail * bsize - attempt * SLACK_BYTES
      try {
        await this.#caretaker.run(`fallocate -l ${bytes} ${ballast}`)
        return
      } catch (error) {
        await this.empty()
        if (attempt === FILL_ATTEMPTS) throw error
      }
    }
  }

  /** There is room again. */
  async empty(): Promise<void> {
    await this.#caretaker.run(`rm -f ${join(this.target, BALLAST)}; sync -f ${this.target}`)
  }

  /** Unmounts it; its file stays. */
  async remove(): Promise<void> {
    await this.umount()
    await this.#caretaker.run(`losetup -d ${this.place.device}`)
  }
}

/** Cuts the power of all of them, at once. */
export async function cutPower(caretaker: Caretaker, images: readonly Image[]): Promise<void> {
  await caretaker.cut(images.map((image) => image.target))
}

export interface ImagesOptions {
  readonly count: number
  /** Of each. */
  readonly mebibytes: number
  /** How the name of their folder begins. */
  readonly prefix: string
}

/** Images in a fresh folder, gone afterwards. */
export async function onImages<T>(
  caretaker: Caretaker,
  { count, mebibytes, prefix }: ImagesOptions,
  use: (root: string, images: readonly Image[]) => Promise<T>,
): Promise<T> {
  const root = mkdtempSync(join(IMAGES_ROOT, prefix))
  await caretaker.later(`! ls ${root} || rm -r --one-file-system ${root}`)
  const images: Image[] = []
  try {
    for (let i = 0; i < count; i++) {
      images.push(await Image.make(caretaker, root, `disk-${i}`, mebibytes))
    }
    return await use(root, images)
  } finally {
    for (const image of images) await image.remove()
    rmSync(root, { recursive: true, force: true })
  }
}
