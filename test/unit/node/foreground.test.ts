/** How long requests of clients take, as background work sees it. */
import t from 'tap'
import { Foreground, IDLE_MS } from '../../../src/node/foreground.ts'

const LOOK_MS = 250

function took(foreground: Foreground, ms: number, count = 1): void {
  for (let i = 0; i < count; i++) {
    foreground.onBegun()
    foreground.onEnded(ms)
  }
}

/** Within the width of a class. */
function isAbout(ms: number | string, wanted: number): boolean {
  return typeof ms === 'number' && ms >= wanted && ms <= 1.2 * wanted
}

t.test('a look sees the 99th percentile of what ended since the one before', async (t) => {
  const foreground = new Foreground()
  took(foreground, 5, 200)
  took(foreground, 50, 1)
  t.ok(isAbout(foreground.look(0), 5), 'one of 201 is no percentile')
  took(foreground, 5, 95)
  took(foreground, 50, 5)
  t.ok(isAbout(foreground.look(LOOK_MS), 50))
  took(foreground, 5, 3)
  t.ok(isAbout(foreground.look(2 * LOOK_MS), 5), 'what was slow counted once')
})

t.test('slow parts of others’ requests are seen beside many fast ones of its own', async (t) => {
  const foreground = new Foreground()
  took(foreground, 5, 1_000)
  foreground.onPart(50)
  t.ok(isAbout(foreground.look(0), 50))
  foreground.onPart(40)
  t.ok(isAbout(foreground.look(LOOK_MS), 40), 'also where it has none')
})

t.test('requests in progress that do not end count as long as they were seen', async (t) => {
  const foreground = new Foreground()
  foreground.onBegun()
  t.equal(foreground.look(1_000), 'unknown', 'they may have begun just now')
  t.equal(foreground.look(1_250), 250)
  t.equal(foreground.look(1_500), 500)
  foreground.onEnded(620)
  t.ok(isAbout(foreground.look(1_750), 620))
  t.equal(foreground.look(2_000), 'unknown')
})

t.test('clients ask for nothing once none came for a second', async (t) => {
  const foreground = new Foreground()
  t.equal(foreground.look(0), 'idle', 'none came ever')
  took(foreground, 5)
  foreground.look(1_000)
  t.equal(foreground.look(1_000 + IDLE_MS - 1), 'unknown')
  t.equal(foreground.look(1_000 + IDLE_MS), 'idle')
  foreground.onBegun()
  t.not(foreground.look(60_000), 'idle', 'one is in progress')
})
