/** Reads everything back from all owners: deleted keys must show nothing, kept ones their value. */
import { isOperatingError } from '../../../src/base/errors.ts'
import type { Client } from '../../../src/index.ts'
import { sleep } from '../machine/faults.ts'
import { goneName, keptName, valueOf } from './work.ts'

const ATTEMPTS = 50
const PAUSE_MS = 100
const TOLD_MAX = 5
const GONE = /^gone-/

export interface ReadBack {
  /** Reads of all owners. */
  reads: number
  /** Deleted keys that were read with a value. */
  readonly back: Set<string>
  /** Kept keys that were read without their value, or with another one. */
  readonly lost: Set<string>
}

export interface ReadOptions {
  readonly clients: readonly Client[]
  readonly window: number
  readonly say: (line: string) => void
}

/** Gets of every `step`th key that was deleted and of all that stay. */
export async function getAll(
  { clients, window, say }: ReadOptions,
  found: ReadBack,
  { drawn, kept, step }: { readonly drawn: number; readonly kept: number; readonly step: number },
): Promise<void> {
  const names = function* (): Generator<string> {
    for (let key = 0; key < drawn; key += step) yield goneName(key)
    for (let key = 0; key < kept; key++) yield keptName(key)
  }
  const queue = names()
  const lanes = clients.flatMap((client) => Array.from({ length: window }, () => client))
  await Promise.all(
    lanes.map(async (client) => {
      for (const name of queue) judge(name, await siblingsOf(client, name), found, say)
    }),
  )
}

/** Of all owners; a read that failed is tried again. */
async function siblingsOf(client: Client, name: string): Promise<readonly string[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const { siblings, isComplete } = await client.bucket().get(name, { r: 3, strict: true })
      if (isComplete) return siblings
    } catch (error) {
      if (!isOperatingError(error)) throw error
    }
    await sleep(PAUSE_MS)
  }
  throw new Error(`${name} cannot be read at all owners`)
}

/** One scan of all owners; one that failed begins anew. */
export async function scanAll(
  { clients, say }: ReadOptions,
  found: ReadBack,
  kept: number,
): Promise<void> {
  const seen = new Set<string>()
  for (let attempt = 0; ; attempt++) {
    try {
      const [client] = clients
      if (client === undefined) throw new Error('a reader is a client')
      for await (const { key, siblings } of client.bucket().entries({ r: 3 })) {
        const name = typeof key === 'string' ? key : new TextDecoder().decode(key)
        seen.add(name)
        judge(name, siblings, found, say)
      }
      break
    } catch (error) {
      if (!isOperatingError(error) || attempt === ATTEMPTS) throw error
      await sleep(PAUSE_MS)
    }
  }
  for (let key = 0; key < kept; key++) {
    if (!seen.has(keptName(key))) judge(keptName(key), [], found, say)
  }
}

function judge(
  name: string,
  siblings: readonly string[],
  found: ReadBack,
  say: (line: string) => void,
): void {
  found.reads += 1
  const isGone = GONE.test(name)
  const isRight = isGone
    ? siblings.length === 0
    : siblings.length > 0 && siblings.every((value) => value === valueOf(name))
  if (isRight) return
  const wrong = isGone ? found.back : found.lost
  if (wrong.size < TOLD_MAX && !wrong.has(name)) say(`${name} was read as ${siblings.join(' | ')}`)
  wrong.add(name)
}
