/** Plants about writes that wrong starts, wrong disks or wrong text lost, hid or changed. */
import type { Plant, PlantGroup } from './plant.ts'

const LOSING: readonly Plant[] = [
  {
    name: 'a directory is not locked',
    find: 'if (!tryLock(fd))',
    replace: 'if (fd < 0)',
    why: 'two processes append to one log, and each overwrites what the other acknowledged',
    caughtBy: 'test/unit/host/disk.test.ts',
  },
  {
    name: 'a rotten copy is written over',
    find: '(held) => (held.isRotten ? ROTTEN : step(held))',
    replace: '(held) => step(held)',
    why: 'the new copy counts as whole and lacks what the other owners hold',
    caughtBy: 'test/unit/node/background/mender.test.ts',
  },
  {
    name: 'data of another ring is opened',
    find: 'const differences = ringDifferencesOf(placement, { ...configured.placement, members })',
    replace: 'const differences = []',
    why: 'most keys are looked for where they are not',
    caughtBy: 'test/unit/store/identity.test.ts',
  },
  {
    name: 'an emptied node answers as a whole one',
    find: 'if (this.#node.isWhole()) return',
    replace: 'return',
    why: 'its "nothing here" counts towards R as if it had looked',
    caughtBy: 'test/unit/node/background/rebuilder.test.ts',
  },
  {
    name: 'a rebuild is done when one other owner was exchanged with',
    find: 'if (this.#missing.length > 0) return',
    replace: '',
    why: 'that owner may be the one that missed a write',
    caughtBy: 'test/unit/node/background/rebuilder.test.ts',
  },
  {
    name: 'a rebuild counts as done after a start',
    find: '{ state: state, lost, replaces, met }',
    replace: "{ state: state === 'rebuilding' ? 'whole' : state, lost, replaces, met }",
    why: 'a node that is killed while it is rebuilt counts as whole',
    caughtBy: 'test/unit/store/standing.test.ts',
  },
  {
    name: 'a put handed to a second owner is no repeat',
    find: 'return this.#asked > 1 ? { ...this.#put, isRepeat: true } : this.#put',
    replace: 'return this.#put',
    why: 'the first owner wakes, and what it took comes back after it was replaced',
    caughtBy: 'test/unit/node/coordinator/forward.test.ts',
  },
  {
    name: 'a merge keeps an attempt of a replaced request',
    find: 'if (!context.names(requestId)) return false',
    replace: 'return false',
    why: 'what was deleted comes back with the dot of another attempt',
    caughtBy: 'test/unit/node/updates.test.ts',
  },
  {
    name: 'text that is no text becomes other text',
    find: 'return LONE_SURROGATE.test(text) ? undefined : utf8Bytes(text)',
    replace: 'return utf8Bytes(text)',
    why: 'two keys become one',
    caughtBy: 'test/unit/base/bytes.test.ts',
  },
  {
    name: 'a put of seen insists on reading R',
    find: 'const fallbacks = put.strict ? undefined : placement',
    replace: 'const fallbacks = undefined',
    why: 'with one node of three left a put replaces nothing',
    caughtBy: 'test/unit/node/coordinator/get.test.ts',
  },
]

export const LOSSES: PlantGroup = { name: 'losses', plantsMin: 8, plants: LOSING }
