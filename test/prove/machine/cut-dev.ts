/**
 * A power cut behind `everwrite dev`: the key and the configuration that its first start made are
 * whole, and what it acknowledged can be read. Without the key all data would be unreadable.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Running, until } from '../command/running.ts'
import type { Caretaker } from './caretaker.ts'
import { cutPower, type Image } from './images.ts'

const KEY = /^[0-9a-f]{32}\n$/
const VALUE = 'what dev acknowledged'

/** What is wrong after the cut; undefined where all is right. */
export async function cutBehindDev(
  caretaker: Caretaker,
  image: Image,
): Promise<string | undefined> {
  const directory = join(image.target, 'dev')
  const first = await Running.start(directory, undefined, 1)
  const { code, stderr } = await first.run('put', 'cut', 'k', VALUE)
  await cutPower(caretaker, [image])
  first.signal('SIGKILL')
  await first.exit
  if (code !== 0) return `the put before the cut failed: ${stderr}`
  await unmounted(image)
  await image.mount()
  const key = readFileSync(join(directory, 'cluster.key'), 'utf8')
  if (!KEY.test(key)) return `cluster.key has ${key.length} bytes and is no key`
  const again = await Running.start(directory, undefined, 1)
  const { stdout } = await again.run('get', 'cut', 'k')
  await again.stop()
  return stdout.includes(VALUE) ? undefined : `the value is gone: ${stdout}`
}

/** The node ends soon after the process that started it. */
async function unmounted(image: Image): Promise<void> {
  let failure = ''
  const tried = async (): Promise<boolean> => {
    try {
      await image.umount()
      return true
    } catch (error) {
      failure = String(error)
      return false
    }
  }
  await until(tried, () => failure)
}
