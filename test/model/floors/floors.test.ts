/** The model of floors: nothing is lost or comes back, and shortcuts are seen to do so. */
import t from 'tap'
import { BROKEN_FLOORS } from './broken.ts'
import { type FloorOutcome, runFloors } from './history.ts'
import { FLOOR_RULES, type FloorRules } from './rules.ts'

const COUNT = 20_000
const BROKEN_MAX = 5_000
/** Histories in which keys and ranges went, at least one of so many. */
const REAPED_SHARE = 40
const RANGES_SHARE = 200

t.setTimeout(120_000)

t.test('no history of rounds, hints, crashes and a lost disk goes wrong', async (t) => {
  const all: FloorOutcome[] = []
  for (let seed = 1; seed <= COUNT; seed++) all.push(runFloors(seed, FLOOR_RULES))
  const wrong = all.findIndex(({ fault }) => fault !== undefined)
  t.equal(wrong, -1, wrong < 0 ? '' : tellFloors(wrong + 1, FLOOR_RULES))
  const reaped = all.filter((one) => one.hasReaped).length
  const ranges = all.filter((one) => one.hasRemovedRanges).length
  t.ok(reaped * REAPED_SHARE >= COUNT, `keys went in ${reaped}`)
  t.ok(ranges * RANGES_SHARE >= COUNT, `ranges went in ${ranges}`)
})

for (const [name, { rules, fault, from }] of Object.entries(BROKEN_FLOORS)) {
  t.test(`the search finds what ${name} does`, async (t) => {
    let seed = from
    while (seed < from + BROKEN_MAX && runFloors(seed, rules).fault !== fault) seed += 1
    t.equal(runFloors(seed, rules).fault, fault, `seed ${seed}`)
  })
}

t.test('a seed tells the same history every time', async (t) => {
  for (const seed of [1, 7, 1234]) {
    t.equal(tellFloors(seed, FLOOR_RULES), tellFloors(seed, FLOOR_RULES))
  }
})

function tellFloors(seed: number, rules: FloorRules): string {
  const story: string[] = []
  const { fault, value } = runFloors(seed, rules, story)
  return [...story, `seed ${seed}: ${fault ?? 'nothing wrong'} ${value}`].join('\n')
}
