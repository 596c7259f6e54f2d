/**
 * One outage: writes while an owner of their keys is down, so that each leaves a hint for it.
 *
 * Every key is written once. Afterwards each acknowledged write must be at all owners of its key.
 */
import { utf8Text } from '../../../src/base/bytes.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import { decodeObject } from '../../../src/dynamo/version/object-bytes.ts'
import { connect } from '../../../src/index.ts'
import type { PeerReadReply } from '../../../src/wire/message/peer.ts'
import type { Inspector } from '../machine/inspector.ts'
import { nameOf } from '../machine/judge.ts'

export interface OutageOptions {
  readonly inspector: Inspector
  /** The node that is down. */
  readonly target: number
  readonly count: number
}

/** Of the first outage, and from one to the next; below are the keys of the load in `blows.ts`. */
const FIRST_KEY = 1_000_000
const CLIENTS = 2
const WINDOW = 24
const VALUE_BYTES = 100
const ATTEMPTS = 5
const READS_AT_ONCE = 128
const READ_ATTEMPTS = 5

export class Outage {
  readonly #inspector: Inspector
  readonly #keys: number[] = []
  readonly #acknowledged: number[] = []

  /** The `number`th, from 0: each has keys of its own. */
  constructor({ inspector, target, count }: OutageOptions, number: number) {
    this.#inspector = inspector
    for (let key = (1 + number) * FIRST_KEY; this.#keys.length < count; key++) {
      if (inspector.ownersOf(key).includes(target)) this.#keys.push(key)
    }
  }

  get acknowledged(): number {
    return this.#acknowledged.length
  }

  /** Writes every key, as fast as the nodes take them; how many a second. */
  async write(seeds: readonly string[]): Promise<number> {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect({ seeds })))
    const began = performance.now()
    let next = 0
    const lives = clients.flatMap((client) => {
      const bucket = client.bucket()
      return Array.from({ length: WINDOW }, async () => {
        for (let key = this.#keys[next++]; key !== undefined; key = this.#keys[next++]) {
          const text = textOf(key)
          if (await isWritten(() => bucket.put(nameOf(key), text))) {
            this.#acknowledged.push(key)
          }
        }
      })
    })
    await Promise.all(lives)
    const seconds = (performance.now() - began) / 1000
    await Promise.all(clients.map((client) => client.close()))
    return this.acknowledged / seconds
  }

  /** Acknowledged writes that an owner of their key does not hold. */
  async lost(): Promise<number> {
    let lost = 0
    let next = 0
    const work = async (): Promise<void> => {
      for (let key = this.#acknowledged[next++]; key !== undefined; ) {
        if (!(await this.#isHeld(key))) lost += 1
        key = this.#acknowledged[next++]
      }
    }
    await Promise.all(Array.from({ length: READS_AT_ONCE }, work))
    return lost
  }

  async #isHeld(key: number): Promise<boolean> {
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      const copies = await this.#inspector.copiesOf(key, false)
      if (copies !== undefined) return copies.every((copy) => holds(copy, key))
    }
    throw new Error(`the owners of ${nameOf(key)} do not answer`)
  }
}

function textOf(key: number): string {
  return `the hinted write of ${nameOf(key)} `.padEnd(VALUE_BYTES, '.')
}

function holds({ isFound, object }: PeerReadReply, key: number): boolean {
  if (!isFound) return false
  const siblings = decodeObject(object)?.siblings ?? []
  return siblings.some(({ value }) => value !== undefined && utf8Text(value) === textOf(key))
}

/** A write whose outcome is in doubt is written once more: the bar needs every hint. */
async function isWritten(put: () => Promise<unknown>): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await put()
      return true
    } catch (error) {
      if (!isOperatingError(error)) throw error
    }
  }
  return false
}
