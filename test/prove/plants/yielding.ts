/** Plants about the knob: background work yields to slow requests, and never stops. */
import type { Plant } from './plant.ts'

const SHARE = 'test/unit/dynamo/background-share.test.ts'
const FOREGROUND = 'test/unit/node/foreground.test.ts'
const PACING = 'test/unit/node/background/pacing.test.ts'
const EXCHANGES = 'test/unit/node/background/repairer.test.ts'

export const YIELDING: readonly Plant[] = [
  {
    name: 'background work may stop',
    find: 'Math.max(SHARE_MIN, this.#share * factor)',
    replace: 'Math.max(0, this.#share * factor)',
    why: 'on a disk that is always slow copies that differ stay so for ever',
    caughtBy: SHARE,
  },
  {
    name: 'background work never yields',
    find: 'const factor = p99Ms > this.#targetMs ? FALL : GROWTH',
    replace: 'const factor = GROWTH',
    why: 'clients wait behind repair',
    caughtBy: SHARE,
  },
  {
    name: 'background work stays slow when clients have gone',
    find: "if (found === 'idle') this.#share.onIdle(); else if (found !== 'unknown')",
    replace: "if (found !== 'idle' && found !== 'unknown')",
    why: 'a night without requests is not used',
    caughtBy: PACING,
  },
  {
    name: 'requests that do not end look like none',
    find: "return sinceMs === undefined ? 'unknown' : nowMs - sinceMs",
    replace: "return 'unknown'",
    why: 'background work goes on at its full rate while clients get no answer',
    caughtBy: FOREGROUND,
  },
  {
    name: 'an exchange rests for the time in which its member worked',
    find: 'this.#work.pause(); const answer = await askMember(this.#node.clock, ring, ask)',
    replace: 'const answer = await askMember(this.#node.clock, ring, ask)',
    why: 'both rest for the same work, and less than a twentieth of the rate goes on',
    caughtBy: EXCHANGES,
  },
  {
    name: 'an answer waits without bound',
    find: 'Math.min(now + BACKGROUND_ANSWER_MS_MAX, untilMs)',
    replace: 'untilMs',
    why: 'the member that asks gives its exchange up',
    caughtBy: PACING,
  },
  {
    name: 'an exchange does not rest before it asks for copies',
    find: 'await this.#rest(); const part = copies.slice(at, at + TREE_KEYS_MAX)',
    replace: 'const part = copies.slice(at, at + TREE_KEYS_MAX)',
    why: 'most of its work is to merge them',
    caughtBy: EXCHANGES,
  },
]
