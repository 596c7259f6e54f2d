/**
 * Fills the disk of a node: an empty file takes all the room that is left.
 *
 * The node must refuse puts with its own code, go on reading, live, and take puts again by itself
 * once there is room. It is asked directly, over keys of a bucket of their own.
 */
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import { NodeSession } from '../../support/node-session.ts'
import { type Scene, sleep } from './faults.ts'
import { nameOfNode } from './nodes.ts'

const BUCKET_NAME = 'probe'
const BUCKET = utf8Bytes(BUCKET_NAME)
/** Large, so that what had been prepared is soon used up. */
const PROBE_BYTES = 100_000
/** Other nodes are down meanwhile, at times all of them. */
const FULL_MS_MAX = 60_000
const ROOM_MS_MAX = 60_000
const READ_ATTEMPTS = 5

let probes = 0

export async function fillDisk(scene: Scene, node: number): Promise<boolean> {
  const { recording } = scene
  const image = scene.images[node]
  if (image === undefined) throw new Error('only a node with a disk of its own can have it filled')
  const probe = new Probe(scene, node)
  await probe.put()
  await image.fill()
  let isFull = false
  try {
    isFull = (await probe.putUntil((code) => code === 'disk-full', FULL_MS_MAX)) === 'disk-full'
    if (isFull && !(await probe.canRead())) {
      recording.violations.push(`${nameOfNode(node)} has a full disk and does not read`)
    }
  } finally {
    await image.empty()
  }
  const last = await probe.putUntil((code) => code === 'ok', ROOM_MS_MAX)
  if (last !== 'ok') {
    recording.violations.push(`${nameOfNode(node)} has room again and takes no put: ${last}`)
  }
  probe.close()
  return isFull
}

/** A client that asks one node and no other. */
class Probe {
  readonly #scene: Scene
  readonly #node: number
  #session: NodeSession | undefined
  #written: Uint8Array | undefined

  constructor(scene: Scene, node: number) {
    this.#scene = scene
    this.#node = node
  }

  /** `ok`, or the code of the failure. */
  async put(): Promise<string> {
    const key = this.#nextKey()
    const value = new Uint8Array(PROBE_BYTES).fill(97)
    const outcome = await this.#ask((session) =>
      session.put(BUCKET, key, value, { deadlineMs: 1_000 }),
    )
    if (outcome === 'ok') this.#written = key
    return outcome
  }

  /** Puts until the outcome is as wanted, or for so long; the last outcome. */
  async putUntil(isWanted: (outcome: string) => boolean, limitMs: number): Promise<string> {
    const until = performance.now() + limitMs
    for (;;) {
      const outcome = await this.put()
      if (isWanted(outcome) || performance.now() > until) return outcome
      await sleep(outcome === 'ok' ? 1 : 50)
    }
  }

  /** Whether the node reads its own copy of what was last put; it alone is enough. */
  async canRead(): Promise<boolean> {
    const key = this.#written
    if (key === undefined) return true
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      const name = { bucket: BUCKET, key }
      const get = { name, r: 1, deadlineMs: 2_000, strict: true, monotonic: false, receipts: [] }
      const outcome = await this.#ask((one) => one.ask('get', get))
      if (outcome === 'ok') return true
      await sleep(200)
    }
    return false
  }

  close(): void {
    this.#session?.close()
  }

  #nextKey(): Uint8Array {
    for (;;) {
      const key = utf8Bytes(`probe-${probes++}`)
      if (this.#scene.inspector.ownersOfName(BUCKET, key).includes(this.#node)) return key
    }
  }

  async #ask(question: (session: NodeSession) => Promise<unknown>): Promise<string> {
    const { host, clientPort } = this.#scene.nodes.places[this.#node] ?? { host: '', clientPort: 0 }
    try {
      this.#session ??= await NodeSession.connect({ host, port: clientPort })
      await question(this.#session)
      return 'ok'
    } catch (error) {
      // No node listens, or no packet passes: the error of the network.
      if (!isOperatingError(error)) return 'away'
      if (error.code === 'connection-lost' || error.code === 'not-connected') {
        this.#session = undefined
      }
      return error.code
    }
  }
}
