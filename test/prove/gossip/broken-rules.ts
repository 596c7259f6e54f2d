/** The rules of `src/dynamo/membership`, each broken in a copy of the build: a part must miss. */
import { patchedBuild, removeBuild } from '../plants/patched-build.ts'
import type { Plant } from '../plants/plant.ts'
import type { Verdict } from '../proof.ts'
import { runPart } from './part-process.ts'
import type { PartName } from './parts.ts'

const SEED = 1

export interface BrokenRule extends Plant {
  /** The part that misses its bar. */
  readonly part: PartName
}

export const BROKEN_RULES: readonly BrokenRule[] = [
  {
    name: 'a member does not contradict',
    find: 'Math.min(INCARNATION_MAX, news.incarnation + 1)',
    replace: 'incarnation',
    why: 'the others never hear that it lives',
    part: 'stalled',
  },
  {
    name: 'no helpers are asked',
    find: 'export const HELPERS = 3',
    replace: 'export const HELPERS = 0',
    why: 'each stalled connection makes a suspect',
    part: 'stalled',
  },
  {
    name: 'a suspect is not asked a last time',
    find: "if (this.#lastUntil !== undefined) return 'dead'",
    replace: "return 'dead'",
    why: 'a member that stood still comes too late to contradict',
    part: 'paused',
  },
  {
    name: 'a member that is removed can be changed',
    find: 'if (isGone !== isOtherGone) return isGone',
    replace: '',
    why: 'an operator on the other side of a cut brings it back',
    part: 'cut',
  },
  {
    name: 'a node that is late itself trusts its senses as before',
    find: 'return this.#score + 1',
    replace: 'return 1',
    why: 'a starved process accuses those whose answers it has not read',
    part: 'slow',
  },
  {
    name: 'a late probe is judged at once',
    find: 'this.#prober.delay(ms)',
    replace: '',
    why: 'a starved process accuses those whose answers it has not read',
    part: 'starved',
  },
  {
    name: 'confirmations shorten nothing',
    find: 'const share = Math.log(confirmations + 1) / Math.log(needed + 1)',
    replace: 'const share = 0',
    why: 'a true death is declared late',
    part: 'stalled',
  },
  {
    name: 'news is sent once',
    find: 'piece.sent >= most',
    replace: 'piece.sent >= 1',
    why: 'it dies out, and waits for the sets to be compared',
    part: 'calm',
  },
  {
    name: 'a member that is late waits for its turn to be probed',
    find: 'if (this.#order.verify(id, this.members.size)) this.#prober.hasten(now)',
    replace: '',
    why: 'it is suspected seconds after it is avoided',
    part: 'late',
  },
  {
    name: 'a member that is late is asked directly anew',
    find: 'return peer?.againAt === undefined ? now : (peer.askedAt ?? now)',
    replace: 'return now',
    why: 'its probe begins where it could be half over',
    part: 'late',
  },
  {
    name: 'sets are never compared',
    find: 'if (peer !== undefined) this.#send(peer, exchange.compare(this))',
    replace: '',
    why: 'news of a cut that is over is sent no more',
    part: 'cut',
  },
  {
    name: 'of two records of one version the first stays',
    find: 'return compareU64(a.digest, b.digest) > 0',
    replace: 'return false',
    why: 'two operators changed a member on two sides, and each side keeps its own',
    part: 'cut',
  },
  {
    name: 'equal sets are listed all the same',
    find: 'if (!differ && !standingsDiffer) return undefined',
    replace:
      "return { kind: 'buckets', standings: undefined, " +
      'records: sets.members.digest.buckets.map(() => ({ hi: 1, lo: 1 })) }',
    why: 'a comparison costs the more the more members there are',
    part: 'bytes',
  },
]

/** Runs the part of a broken rule in small. */
export async function tryBroken(rule: BrokenRule): Promise<Verdict> {
  const build = patchedBuild(rule)
  try {
    return await runPart(rule.part, 'short', SEED, build)
  } finally {
    removeBuild(build)
  }
}
