/** An operator has a round opened, and is told what it waits for. */
import t from 'tap'
import { ROUND_MS_MAX } from '../../../../src/limits.ts'
import type { RoundReport } from '../../../../src/wire/message/client.ts'
import { type NodeSession, replyOf } from '../scene.ts'
import { RoundsScene } from './rounds-scene.ts'

/** No round opens by itself. */
const open = (): Promise<RoundsScene> => RoundsScene.open({ roundMs: ROUND_MS_MAX })

async function askOnce(session: NodeSession): Promise<RoundReport> {
  const terms = { bucket: new Uint8Array(0), from: undefined, run: new Uint8Array(16) }
  const reply = await session.ask('repair', { ...terms, deadlineMs: 300, opensRound: true })
  const { round } = replyOf(reply)
  if (round === undefined) throw new Error('a round was asked for')
  return round
}

t.test('a round opens when it is asked for, and not before messages have ended', async (t) => {
  const scene = await open()
  const session = await scene.session(1)
  await scene.putAll(session, ['k'])
  await scene.deleteAll(session, ['k'])
  const early = await askOnce(session)
  t.match(early, { adopted: 0, highest: 0 })
  t.match(early.obstacle, /^for [12] s more this node waits for messages from before its start$/)
  await scene.world.run(2_000)
  const first = await askOnce(session)
  t.match(first, { adopted: 0, highest: 0 }, 'what it knew before')
  let last = first
  for (let i = 0; i < 20 && last.adopted === 0; i++) last = await askOnce(session)
  t.match(last, { adopted: 1, obstacle: '' })
  t.equal(scene.world.trace.count('round-opened'), 1, 'each question joins it')
  await scene.keysAre(0)
  const { round } = replyOf(
    await session.ask('ranges', {
      untilEqual: false,
      withinMs: 0,
      deadlineMs: 300,
    }),
  )
  t.equal(round, 1)
  t.match(replyOf(await session.ask('status', {})).round, { adopted: 1, highest: 1 })
  t.match((await askOnce(session)).obstacle, /waits for messages from before the last round/)
})

t.test('a member that is away is named, with the time', async (t) => {
  const scene = await open()
  const session = await scene.session(1)
  scene.cluster.kill(3)
  await scene.world.run(9_000)
  const { obstacle } = await askOnce(session)
  t.match(obstacle, /^n3 has been away for \d s and cannot be reached$/)
  t.equal(scene.cluster.node(1)?.roundObstacle, obstacle)
  t.match(replyOf(await session.ask('status', {})).round.obstacle, /^n3 has been away/)
})
