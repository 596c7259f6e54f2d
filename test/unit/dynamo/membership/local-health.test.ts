/** How far a node trusts its own senses. */
import t from 'tap'
import { LocalHealth, SCORE_MAX } from '../../../../src/dynamo/membership/local-health.ts'

t.test('silent helpers, accusations and a late loop make it ill, answers well', async (t) => {
  const health = new LocalHealth()
  t.equal(health.factor, 1)
  health.onUnanswered(2)
  health.onSuspected()
  t.equal(health.score, 3)
  health.onAnswered()
  t.equal(health.factor, 3)
  health.onUnanswered(0)
  t.equal(health.score, 2, 'all helpers said that the other one is away')
})

t.test('F6: while its event loop is late, answers do not make it well', async (t) => {
  const health = new LocalHealth()
  health.onLoopDelay(99)
  t.equal(health.score, 0)
  health.onLoopDelay(100)
  t.equal(health.score, 1)
  health.onAnswered()
  t.equal(health.score, 1)
  health.onLoopDelay(1_200)
  t.equal(health.score, 4)
  health.onLoopDelay(0)
  health.onAnswered()
  t.equal(health.score, 3)
})

t.test('the score is bounded both ways', async (t) => {
  const health = new LocalHealth()
  health.onAnswered()
  t.equal(health.score, 0)
  health.onLoopDelay(60_000)
  t.equal(health.score, SCORE_MAX)
})
