/**
 * The giver or the receiver is killed at random moments of a transfer, and started again: how many
 * bytes of records are sent again.
 *
 * What was sent is counted at the receiver while it lives, and at the giver while that lives. What
 * a killed one had counted since the last look is lost: a page of the largest size is added for it.
 */
import { TRANSFER_BYTES_MAX } from '../../../src/limits.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { NodeSession } from '../../support/node-session.ts'
import { sleep } from '../machine/faults.ts'
import { GIVER, givenOf, type Pair, takenOf } from './pair.ts'

const LOOK_MS = 10
const MOVED_MS_MAX = 900_000
/** Kills come before this share of all records has been sent. */
const LAST_KILL = 0.95

export interface KilledFigures {
  readonly kills: number
  /** After so many of them the transfer went on where it was. */
  readonly resumed: number
  readonly sentBytes: number
  readonly keys: number
}

/** What the giver has sent, over all its lives. */
class Sent {
  /** Of lives that have ended. */
  #before = 0
  #now = 0

  look(given: number): void {
    this.#now = Math.max(this.#now, given)
  }

  get bytes(): number {
    return this.#before + this.#now
  }

  /** The giver was killed: it may have given one page more. */
  onKilled(): void {
    this.#before += this.#now + TRANSFER_BYTES_MAX
    this.#now = 0
  }
}

export async function killed(
  pair: Pair,
  kills: number,
  bytes: number,
  say: (line: string) => void,
): Promise<KilledFigures> {
  const prng = Prng.of(1, 'kills')
  await pair.begin()
  await pair.join()
  await pair.commit()
  const sent = new Sent()
  const until = performance.now() + MOVED_MS_MAX
  const sessions = new Map<number, NodeSession>()
  let resumed = 0
  for (let kill = 1; kill <= kills; kill++) {
    // Somewhere in the kill's own part of the transfer.
    const at = (LAST_KILL * bytes * (kill - 1 + prng.unit())) / kills
    const reached = await untilSent(pair, sessions, sent, Math.max(at, sent.bytes + 1), until)
    const victim = prng.chance(0.5) ? GIVER : pair.receiver
    await pair.kill(victim)
    sessions.get(victim)?.close()
    sessions.delete(victim)
    if (victim === GIVER) sent.onKilled()
    await pair.restart(victim)
    const before = sent.bytes
    await untilSent(pair, sessions, sent, before + 1, until)
    resumed += 1
    say(`kill ${kill}: the ${victim === GIVER ? 'giver' : 'receiver'} at ${label(reached, bytes)}`)
  }
  const session = await sessionOf(pair, sessions, pair.receiver)
  while ((await pair.movesLeft(session)) !== 0) {
    await lookAt(pair, sessions, sent)
    if (performance.now() > until) throw new Error('places do not move in time')
    await sleep(LOOK_MS)
  }
  const { keys } = takenOf(await session.ask('status', {}))
  for (const one of sessions.values()) one.close()
  await pair.end()
  return { kills, resumed, sentBytes: sent.bytes, keys }
}

/** Resolves once so many bytes were sent; with how many that were. */
async function untilSent(
  pair: Pair,
  sessions: Map<number, NodeSession>,
  sent: Sent,
  bytes: number,
  until: number,
): Promise<number> {
  for (;;) {
    await lookAt(pair, sessions, sent)
    if (sent.bytes >= bytes) return sent.bytes
    if (performance.now() > until) throw new Error('a transfer does not go on in time')
    await sleep(LOOK_MS)
  }
}

async function lookAt(pair: Pair, sessions: Map<number, NodeSession>, sent: Sent): Promise<void> {
  const giver = await sessionOf(pair, sessions, GIVER)
  sent.look(givenOf(await giver.ask('status', {})))
}

async function sessionOf(
  pair: Pair,
  sessions: Map<number, NodeSession>,
  node: number,
): Promise<NodeSession> {
  const known = sessions.get(node)
  if (known !== undefined) return known
  const session = await pair.session(node)
  sessions.set(node, session)
  return session
}

function label(bytes: number, all: number): string {
  return `${((100 * bytes) / all).toFixed(1)} %`
}
