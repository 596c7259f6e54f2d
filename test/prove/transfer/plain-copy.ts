/**
 * The copy that bulk transfers are measured by: two plain processes, one that reads files and sends
 * them over loopback, and one that writes what comes to a file and syncs it every MiB.
 */
import { fork } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const END = fileURLToPath(new URL('plain-copy-end.js', import.meta.url))
const SEGMENT = /\.seg$/

export interface Copied {
  readonly bytes: number
  readonly ms: number
}

/** Copies the segments of a data directory to a new file, which it removes again. */
export async function plainCopy(directory: string, to: string): Promise<Copied> {
  const names = readdirSync(directory).filter((name) => SEGMENT.test(name))
  const files = names.toSorted().map((name) => join(directory, name))
  const receiver = fork(END, ['receive', to])
  const { port } = await messageOf<{ port: number }>(receiver)
  const began = performance.now()
  const sender = fork(END, ['send', `${port}`, ...files])
  const { bytes } = await messageOf<{ bytes: number }>(receiver)
  const ms = performance.now() - began
  sender.kill()
  receiver.kill()
  rmSync(to)
  return { bytes, ms }
}

function messageOf<T>(child: ReturnType<typeof fork>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a copy ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as T)
    })
  })
}
