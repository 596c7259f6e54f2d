/** With which members an exchange waits while hints come home, and for how long. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { Counters } from '../../../../src/node/counters.ts'
import {
  HANDOFF_HINTS_MIN,
  HANDOFF_MS_MAX,
  HandoffWatch,
} from '../../../../src/node/background/handoff-watch.ts'
import type { PlaceReport } from '../../../../src/store/engine.ts'
import type { Clock } from '../../../../src/world/clock.ts'
import { NODE_A, NODE_B } from '../../dynamo/version/samples.ts'

const MEMBERS: readonly NodeId[] = [NODE_A, NODE_B]
const TURN_MS = 3_000

function bench() {
  const state = { nowMs: 5, counters: new Counters(), places: [] as PlaceReport[] }
  const keep = (keys: number): void => {
    state.places = keys === 0 ? [] : [{ place: NODE_B, keys, bytes: 100 * keys }]
  }
  const watch = new HandoffWatch({
    clock: { now: () => state.nowMs } as Clock,
    hints: {
      get places() {
        return state.places
      },
    },
    counters: state.counters,
  })
  return { state, keep, watch }
}

t.test('an exchange waits with a member for which many hints are kept here', async (t) => {
  const { keep, watch } = bench()
  t.same(watch.look(MEMBERS), MEMBERS)
  keep(HANDOFF_HINTS_MIN)
  t.same(watch.look(MEMBERS), [NODE_A])
  keep(HANDOFF_HINTS_MIN - 1)
  t.same(watch.look(MEMBERS), MEMBERS)
})

t.test('all wait while many hints come home here', async (t) => {
  const { state, watch } = bench()
  state.counters.hintsReceived += HANDOFF_HINTS_MIN
  t.same(watch.look(MEMBERS), [])
  t.same(watch.look(MEMBERS), MEMBERS, 'none came since')
  state.counters.hintsReceived += HANDOFF_HINTS_MIN - 1
  t.same(watch.look(MEMBERS), MEMBERS)
})

t.test('they wait for a time, then all come, and then they wait again', async (t) => {
  const { state, keep, watch } = bench()
  keep(HANDOFF_HINTS_MIN)
  for (let waited = 0; waited < HANDOFF_MS_MAX; waited += TURN_MS) {
    t.same(watch.look(MEMBERS), [NODE_A], `after ${waited} ms`)
    state.nowMs += TURN_MS
  }
  t.same(watch.look(MEMBERS), MEMBERS)
  t.same(watch.look(MEMBERS), [NODE_A])
})
