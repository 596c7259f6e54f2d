/** The pace of background work: rests in proportion to work, and none while requests are fast. */
import t from 'tap'
import { SHARE_MIN } from '../../../../src/dynamo/background-share.ts'
import { BACKGROUND_ANSWER_MS_MAX, BACKGROUND_REST_MS_MAX } from '../../../../src/limits.ts'
import { Pacing } from '../../../../src/node/background/pacing.ts'
import { Foreground } from '../../../../src/node/foreground.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { Clock } from '../../../../src/world/clock.ts'

const latencyTargetMs = 20

class PacingScene {
  readonly sim = new SimWorld({ seed: 1, driftMax: 0 })
  readonly clock: Clock = this.sim.start(1).clock
  readonly foreground = new Foreground()
  readonly pacing = new Pacing({
    clock: this.clock,
    foreground: this.foreground,
    latencyTargetMs,
  })

  constructor() {
    this.pacing.begin()
  }

  /** Clients ask all the time, and wait so long. */
  async clients(requestMs: number, forMs: number): Promise<void> {
    for (let ms = 0; ms < forMs; ms += 10) {
      this.foreground.onBegun()
      this.foreground.onEnded(requestMs)
      await this.sim.run(10)
    }
  }

  work(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve))
  }

  /** How long `act` takes in virtual time. */
  async timed(act: () => Promise<void>): Promise<number> {
    const beganMs = this.clock.now()
    let endedMs = Number.NaN
    const ended = act().then(() => {
      endedMs = this.clock.now()
    })
    await this.sim.complete(ended, 600_000)
    return endedMs - beganMs
  }
}

t.test('the share falls with slow requests, and is 1 soon after the last', async (t) => {
  const scene = new PacingScene()
  await scene.clients(latencyTargetMs / 2, 2_000)
  t.equal(scene.pacing.share, 1)
  await scene.clients(2 * latencyTargetMs, 2_000)
  t.equal(scene.pacing.share, SHARE_MIN)
  await scene.clients(latencyTargetMs / 2, 1_000)
  t.ok(scene.pacing.share > SHARE_MIN && scene.pacing.share < 1, `${scene.pacing.share}`)
  await scene.sim.run(1_500)
  t.equal(scene.pacing.share, 1, 'no one asks any more')
})

t.test('a worker rests in proportion to its work, and not for what it waited', async (t) => {
  const scene = new PacingScene()
  await scene.clients(2 * latencyTargetMs, 2_000)
  scene.pacing.stop()
  const tookMs = await scene.timed(async () => {
    const work = scene.pacing.work()
    for (let i = 0; i < 10; i++) {
      await scene.work(2)
      work.pause()
      await scene.work(100)
      work.resume()
      await scene.work(1)
      await work.rest()
    }
  })
  t.ok(Math.abs(tookMs - (10 * 3) / SHARE_MIN - 10 * 100) < 5, `${tookMs} ms`)
})

t.test('pieces that are shorter than a timer can rest are added up', async (t) => {
  const scene = new PacingScene()
  await scene.clients(2 * latencyTargetMs, 250)
  t.equal(scene.pacing.share, 1 / 2)
  scene.pacing.stop()
  const tookMs = await scene.timed(async () => {
    const work = scene.pacing.work()
    for (let i = 0; i < 1_000; i++) {
      await scene.work(0.01)
      await work.rest()
    }
  })
  t.ok(Math.abs(tookMs - 20) < 2, `${tookMs} ms`)
})

t.test('no rest is longer than its bound', async (t) => {
  const scene = new PacingScene()
  await scene.clients(2 * latencyTargetMs, 2_000)
  scene.pacing.stop()
  const tookMs = await scene.timed(async () => {
    const work = scene.pacing.work()
    await scene.work(5_000)
    await work.rest()
  })
  t.ok(Math.abs(tookMs - 5_000 - BACKGROUND_REST_MS_MAX) < 1, `${tookMs} ms`)
  t.equal(scene.pacing.restMs(5_000), BACKGROUND_REST_MS_MAX)
})

t.test('where requests are fast nothing rests, and an answer is given at once', async (t) => {
  const scene = new PacingScene()
  await scene.clients(latencyTargetMs / 2, 1_000)
  const tookMs = await scene.timed(async () => {
    const work = scene.pacing.work()
    await scene.work(500)
    await work.rest()
  })
  t.equal(tookMs, 500)
  let isAnswered = false
  scene.pacing.answer(scene.clock.now() - 500, () => {
    isAnswered = true
  })
  t.ok(isAnswered)
})

t.test('work that no one waits for rests whatever else is done', async (t) => {
  const scene = new PacingScene()
  const cycle = async (): Promise<void> => {
    const work = scene.pacing.work(4)
    await scene.work(10)
    await work.rest()
  }
  t.equal(Math.round(await scene.timed(cycle)), 10 + 4 * 10)
  await scene.clients(2 * latencyTargetMs, 2_000)
  scene.pacing.stop()
  t.equal(Math.round(await scene.timed(cycle)), Math.round(10 / SHARE_MIN), 'as all other work')
  const slow = async (): Promise<void> => {
    const work = scene.pacing.work(4)
    await scene.work(2_000)
    await work.rest()
  }
  t.equal(Math.round(await scene.timed(slow)), 10_000, 'also where a page takes long')
  const paused = async (): Promise<void> => {
    const work = scene.pacing.work(4)
    await scene.work(60_000)
    await work.rest()
  }
  t.equal(Math.round(await scene.timed(paused)), 60_000 + 30_000, 'no rest is very long')
})

t.test('answers to members are delayed together, and a bounded time each', async (t) => {
  const scene = new PacingScene()
  await scene.clients(2 * latencyTargetMs, 2_000)
  scene.pacing.stop()
  const answersMs: number[] = []
  const beganMs = scene.clock.now()
  await scene.sim.run(2)
  const answer = (): void => void answersMs.push(scene.clock.now() - beganMs)
  for (let i = 0; i < 3; i++) scene.pacing.answer(scene.clock.now() - 2, answer)
  scene.pacing.answer(beganMs - 1_000, answer)
  await scene.sim.run(1_000)
  const restMs = 2 * (1 / SHARE_MIN - 1)
  const expected = [1, 2, 3].map((answers) => 2 + answers * restMs)
  for (const [i, ms] of [...expected, 2 + BACKGROUND_ANSWER_MS_MAX].entries()) {
    t.ok(Math.abs((answersMs[i] ?? 0) - ms) < 0.1, `${answersMs[i]} and ${ms} ms`)
  }
})
