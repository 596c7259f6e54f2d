/**
 * The sessions of one simulated client, one after another, each with the judge of its gets.
 *
 * A session that is nearly full gives way to a new one, since what falls out of its 1 KiB is not
 * promised any more. Now and then it goes on from its text, as in another process.
 */
import type { Prng } from '../../base/prng.ts'
import type { Client } from '../../client/client.ts'
import type { GetResult } from '../../client/get-result.ts'
import type { Session } from '../../client/session.ts'
import { SessionFloor } from '../checkers/session-floor.ts'
import type { History } from '../history/history.ts'

/** Of a session's text. One more operation adds 120 bytes at most, so nothing falls out. */
const CHARS_MAX = 1_200
const CARRIED_SHARE = 0.1

export class JudgedSession {
  readonly #client: Client
  readonly #history: History
  readonly #prng: Prng
  #own: Session
  #floor: SessionFloor
  #judgedBefore = 0

  constructor(client: Client, history: History, prng: Prng) {
    this.#client = client
    this.#history = history
    this.#prng = prng
    this.#own = client.session()
    this.#floor = new SessionFloor(history)
  }

  /** Gets that had receipts to cover. */
  get judged(): number {
    return this.#judgedBefore + this.#floor.judged
  }

  /** The session for the next operation. */
  next(): Session {
    const text = this.#own.toString()
    if (text.length > CHARS_MAX) {
      this.#judgedBefore = this.judged
      this.#own = this.#client.session()
      this.#floor = new SessionFloor(this.#history)
    } else if (this.#prng.chance(CARRIED_SHARE)) {
      this.#own = this.#client.session(text)
    }
    return this.#own
  }

  onPut(key: string, id: number): void {
    this.#floor.onPut(key, id)
  }

  /** `ids` are the writes that the answer showed. */
  onGet(key: string, ids: readonly number[], { tombstones, receipt }: GetResult<string>): void {
    for (const id of this.#floor.onGet(key, ids, tombstones, receipt !== undefined)) {
      const sentence = `stale: a session was shown ${ids.join()} of ${key}, and ${id} before`
      this.#history.violations.push(sentence)
    }
  }
}
