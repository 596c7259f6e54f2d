/**
 * Plants about members: what one hears of another, what all know in the end, and the places that
 * move between them.
 */
import { BUCKETS } from './buckets.ts'
import { KEYS } from './keys.ts'
import { LAST_WRITE } from './last-write.ts'
import { MOVES } from './moves.ts'
import type { PlantGroup } from './plant.ts'
import { TRANSFERS } from './transfers.ts'

const FORGED = 'test/unit/dynamo/membership/view-forged.test.ts'

export const MEMBERSHIP: PlantGroup = {
  name: 'membership',
  plantsMin: 140,
  plants: [
    {
      name: 'a suspicion is never refuted',
      find: 'Math.min(INCARNATION_MAX, news.incarnation + 1)',
      replace: 'incarnation',
      why: 'a member that was away for a while stays dead for the others',
    },
    {
      name: 'sets of members are never compared',
      find: 'if (peer !== undefined) this.#send(peer, exchange.compare(this))',
      replace: '',
      why: 'one that was away misses what was news meanwhile',
    },
    {
      name: 'a member that is replaced gives its weight before it leaves',
      find: 'if (changes.length > 0) await membership.change(...changes)',
      replace: 'for (const one of changes.toReversed()) await membership.change(one)',
      why: 'where the node stops between the two, a command that was refused is half done',
      caughtBy: 'test/unit/node/cluster/operations.test.ts',
    },
    {
      name: 'a late member is probed in its turn',
      find: 'if (this.#order.verify(id, this.members.size)) this.#prober.hasten(now)',
      replace: '',
      why: 'it is suspected seconds after it is avoided',
      caughtBy: 'test/unit/dynamo/membership/view-late.test.ts',
    },
    {
      name: 'an answer that comes late does not end the probe',
      find: 'if (this.#prober.endHeard(isHeard)) this.health.onAnswered()',
      replace: '',
      why: 'a slow member is suspected though it was just heard',
      caughtBy: 'test/unit/dynamo/membership/view-late.test.ts',
    },
    {
      name: 'hastened probes have no bound',
      find: 'if (this.#hastened >= HASTENED_MAX) return',
      replace: '',
      why: 'links that come and go make a probe each time',
      caughtBy: 'test/unit/dynamo/membership/probing.test.ts',
    },
    {
      name: 'a piece of news that is too long for a message stays first in line',
      find: 'piece.bytes > left && chosen.length > 0',
      replace: 'piece.bytes > left',
      why: 'one member with long names stops all news of members',
      caughtBy: 'test/unit/dynamo/membership/news.test.ts',
    },
    {
      name: 'a record is taken at the highest version',
      find: 'if (!this.members.admits(record)) return',
      replace: '',
      why: 'its member can correct nothing any more, and no operator can change it',
      caughtBy: FORGED,
    },
    {
      name: 'the ceiling of what others tell stays where it is',
      find: 'if (told > this.#ceiling) this.#ceiling += TOLD_STEP',
      replace: '',
      why: 'the correction of a record that was forged there is refused',
      caughtBy: FORGED,
    },
    {
      name: 'the version after the highest one is above it',
      find: 'Math.min(before.version + 1, U48_MAX)',
      replace: 'before.version + 1',
      why: 'a node with such a record on its disk ends at each start',
      caughtBy: FORGED,
    },
    {
      name: 'a joiner may have any weight',
      find: '!(weight > 0 && weight <= MEMBER_WEIGHT_MAX)',
      replace: '!(weight > 0)',
      why: 'one that states an infinite weight leaves nothing to the others',
      caughtBy: 'test/unit/wire/convert-join.test.ts',
    },
    ...MOVES,
    ...BUCKETS,
    ...LAST_WRITE,
    ...TRANSFERS,
    ...KEYS,
  ],
}
