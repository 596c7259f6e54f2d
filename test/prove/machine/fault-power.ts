/**
 * Power cuts: of one node, or of many at the same instant.
 *
 * Nothing reaches the disks from then on, and every call to them fails. The nodes are killed soon
 * after, and start again on the result of the journals' replay.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { type Scene, sleep } from './faults.ts'
import { cutPower, type Image } from './images.ts'

/** At most so long after the cut a node is killed. */
const DARK_MS_MAX = 25

export async function cutPowerOf(
  { nodes, caretaker, images, pace }: Scene,
  struck: readonly number[],
  prng: Prng,
): Promise<boolean> {
  const disks = struck.map((node) => images[node] as Image)
  const ends = struck.map((node) => nodes.expectEnd(node))
  await cutPower(caretaker, disks)
  await sleep(prng.unit() * DARK_MS_MAX)
  await Promise.all(struck.map((node) => nodes.kill(node)))
  await Promise.all(ends)
  for (const disk of disks) {
    await disk.umount()
    await disk.mount()
  }
  await Promise.all(
    struck.map(async (node) => {
      await sleep(pace * prng.unit() * 1_000)
      await nodes.start(node)
    }),
  )
  return true
}
