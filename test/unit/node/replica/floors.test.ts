/** What a member's floors say of an object that arrives, and what a restart gives back of them. */
import t, { type Test } from 'tap'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { NO_ROUND, type RoundFloor } from '../../../../src/dynamo/repair/round.ts'
import { type Arrival, Floors } from '../../../../src/node/replica/floors.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { keyName } from '../../../../src/dynamo/names.ts'
import { readRounds } from '../../../../src/store/rounds.ts'
import {
  dot,
  NODE_B,
  object,
  range,
  sibling,
  START_1,
  START_2,
} from '../../dynamo/version/samples.ts'
import { Lab } from '../../store/lab.ts'

const NOTHING = new Set<never>()
const COPY = copyOf(keyName('b', 'k'))
const HINT = { ...COPY, place: NODE_B }
const low = object([range(1, 2, 2)], sibling('low', dot(1, 2)))
const both = object(
  [range(1, 2, 2), range(1, 9, 9)],
  sibling('low', dot(1, 2)),
  sibling('high', dot(1, 9)),
)

const round = (number: number, counter: number): RoundFloor => ({
  ...NO_ROUND,
  number,
  floor: new Map([[START_1, counter]]),
})

/** Floors in a data directory. */
async function inLab(body: (lab: Lab, floors: Floors) => Promise<void>): Promise<void> {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { clock } = lab.world
      await body(lab, new Floors({ directory: await lab.directory(), clock }))
    })(),
  )
}

/** The floors after a restart. */
async function restarted(lab: Lab): Promise<Floors> {
  lab.crash()
  const directory = await lab.directory()
  return new Floors({ directory, clock: lab.world.clock }, await readRounds(directory))
}

function codeOf(floors: Floors, arrival: Arrival, copy = COPY): string {
  try {
    floors.admit(copy, arrival, low, undefined)
    return 'taken'
  } catch (error) {
    return isOperatingError(error) ? error.code : String(error)
  }
}

t.test('what is closed is refused at once, for ever, and in hints too', async (t) => {
  await inLab(async (lab, floors) => {
    t.equal(codeOf(floors, 'sent'), 'taken')
    const closing = floors.close(round(1, 5), NOTHING)
    for (const copy of [COPY, HINT]) t.equal(codeOf(floors, 'sent', copy), 'write-late')
    t.equal(
      codeOf(floors, 'home', HINT),
      'write-late',
      'it is at home nowhere but in its own place',
    )
    t.equal(codeOf(floors, 'home'), 'taken')
    t.equal(codeOf(floors, 'asked'), 'taken')
    t.equal(floors.admit(COPY, 'sent', low, low), low, 'it is carried')
    t.equal(floors.refused, 3)
    t.equal(await closing, true)
    await floors.close({ ...NO_ROUND, number: 2, floor: new Map([[START_2, 1]]) }, NOTHING)
    const again = await restarted(lab)
    t.equal(codeOf(again, 'sent'), 'write-late')
    t.equal(again.closed.closed, 2)
    await again.close(round(3, 0), new Set([START_1]))
    t.equal(codeOf(again, 'sent'), 'taken', 'a start that left all floors is forgotten')
  })
})

t.test('a hint that comes home brings nothing dead, by what is adopted or covered', async (t) => {
  const isTrimmed = (floors: Floors): boolean => {
    return floors.admit(COPY, 'home', both, undefined)?.siblings.length === 1
  }
  await inLab(async (lab, floors) => {
    await floors.close(round(1, 5), NOTHING)
    t.notOk(isTrimmed(floors), 'closed here alone')
    floors.settle(round(1, 5))
    t.ok(isTrimmed(floors), 'closed everywhere')
    t.equal(floors.admit(COPY, 'home', low, undefined), undefined)
    t.notOk(isTrimmed(await restarted(lab)), 'which is not written down')
  })
  await inLab(async (lab, floors) => {
    await floors.cover(round(1, 5))
    t.ok(isTrimmed(floors))
    const again = await restarted(lab)
    t.ok(isTrimmed(again))
    await again.adopt(round(1, 5))
    t.equal(again.covered, undefined)
    t.ok(isTrimmed(again))
    t.ok(isTrimmed(await restarted(lab)))
  })
})

t.test('a floor counts once it is durable', async (t) => {
  await inLab(async (lab, floors) => {
    const covering = floors.cover(round(1, 5))
    t.equal(floors.covered, undefined)
    t.equal(await covering, true)
    t.equal(floors.covered?.number, 1)
    const adopting = floors.adopt(round(1, 5))
    t.equal(floors.adopted.number, 0)
    await adopting
    t.equal(floors.adopted.number, 1)
    await floors.adopt(round(0, 2))
    t.equal((await restarted(lab)).adopted.number, 1, 'floors only grow')
  })
})

t.test('what a higher round has covered stays when a lower one is adopted', async (t) => {
  await inLab(async (_, floors) => {
    await floors.cover(round(2, 5))
    await floors.adopt(round(1, 3))
    t.equal(floors.covered?.number, 2)
    await floors.adopt(round(3, 6))
    t.equal(floors.covered, undefined)
  })
})

async function isLost(t: Test, floors: Floors): Promise<void> {
  t.same([floors.adopted.number, floors.covered], [0, undefined])
  t.equal(codeOf(floors, 'sent'), 'replica-rebuilding')
  t.equal(codeOf(floors, 'home'), 'replica-rebuilding')
  t.throws(() => floors.requireClosed(), { code: 'replica-rebuilding' })
}

t.test(
  'a disk that lost something has no floor, and takes nothing before it has asked',
  async (t) => {
    await inLab(async (lab, floors) => {
      await floors.adopt(round(1, 1))
      await floors.cover(round(2, 5))
      floors.lose(true)
      await isLost(t, floors)
      const learning = floors.learn(7, new Map([[START_1, 5]]))
      t.notOk(floors.knowsClosed, 'not before it is durable')
      await learning
      t.ok(floors.knowsClosed)
      t.equal(codeOf(floors, 'sent'), 'write-late')
      t.equal(floors.closed.closed, 7)
      const again = await restarted(lab)
      t.same([again.adopted.number, again.covered], [0, undefined])
      t.equal(codeOf(again, 'sent'), 'write-late')
    })
  },
)

t.test(
  'a floor that is being written when the disk turns out to be lost does not count',
  async (t) => {
    for (const act of ['adopt', 'cover'] as const) {
      await inLab(async (lab, floors) => {
        const begun = floors[act](round(2, 5))
        await Promise.resolve()
        floors.lose(true)
        for (let turn = 0; turn < 100; turn++) {
          await isLost(t, floors)
          await lab.pause(0.01)
        }
        await begun
        await isLost(t, floors)
        await floors.stop()
        const again = await restarted(lab)
        t.same([again.adopted.number, again.covered], [0, undefined], act)
      })
    }
  },
)
