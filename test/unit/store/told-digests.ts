/** What an engine tells of its own copies as it opens, compared with the pages that it gives. */
import type { U64 } from '../../../src/base/u64.ts'
import type { Digest, Token } from '../../../src/native/digest.ts'
import { OWN } from '../../../src/dynamo/names.ts'
import { besideRot } from '../../../src/node/replica/rot.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../../src/store/conformance/subject.ts'
import type { DigestPage, Engine, OwnDigests, ScanQuery } from '../../../src/store/engine.ts'

export class ToldDigests implements OwnDigests {
  /** How often each was added and not removed. */
  readonly #told = new Map<string, number>()
  readonly #doubted = new Set<string>()

  get doubted(): number {
    return this.#doubted.size
  }

  add(n: number, token: Token, digest: Digest): void {
    this.#count(n, token, digest, 1)
  }

  remove(n: number, token: Token, digest: Digest): void {
    this.#count(n, token, digest, -1)
  }

  doubt(token: Token): void {
    this.#doubted.add(labelOf(token))
  }

  #count(n: number, token: Token, digest: Digest, by: number): void {
    const label = `${labelOf(token)} ${n} ${labelOf(digest)}`
    const count = (this.#told.get(label) ?? 0) + by
    if (count === 0) this.#told.delete(label)
    else this.#told.set(label, count)
  }

  /** The copies of which too much or too little was told, but for those in doubt. */
  async wrong(engine: Engine): Promise<readonly string[]> {
    const there = new ToldDigests()
    for (let from: Token | undefined = FIRST_TOKEN; from !== undefined; ) {
      const query: ScanQuery = { place: OWN, from, to: LAST_TOKEN, keysMax: 100, bytesMax: 100_000 }
      const page: Pick<DigestPage, 'entries' | 'next'> = await besideRot(query, (one) =>
        engine.digests(one),
      )
      for (const { bucketId, token, digest } of page.entries) there.add(bucketId.n, token, digest)
      from = page.next
    }
    const isSure = (label: string): boolean => !this.#doubted.has(label.split(' ')[0] as string)
    const labels = new Set([...this.#told.keys(), ...there.#told.keys()])
    return [...labels]
      .filter((label) => isSure(label) && this.#told.get(label) !== there.#told.get(label))
      .map((label) => `${label}: told ${this.#told.get(label)}, there ${there.#told.get(label)}`)
  }
}

function labelOf({ hi, lo }: U64): string {
  return `${hi}:${lo}`
}
