/** One signal may end any number of calls. */
import { getEventListeners } from 'node:events'
import t from 'tap'
import { foundReply, Stage, untilIdle } from './scripted.ts'

t.test('a thousand calls share a signal with one listener, until the last has ended', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const { signal } = new AbortController()
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const gets = Array.from({ length: 1_000 }, (_, i) => client.get(`key-${i}`, { signal }))
  await untilIdle()
  const listeners = (): number => getEventListeners(signal, 'abort').length
  t.equal(listeners(), 1)
  const asked = stage.asked.map((one) => one.asked)
  for (const one of asked.slice(1)) one.answer(foundReply('v'))
  await untilIdle()
  t.equal(listeners(), 1)
  asked[0]?.answer(foundReply('v'))
  await Promise.all(gets)
  t.equal(listeners(), 0)
  await new Promise(setImmediate)
  t.same(warnings, [])
})

t.test('two signals of one client end their own calls alone', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const [one, two] = [new AbortController(), new AbortController()]
  const first = client.get('a', { signal: one.signal })
  const second = client.get('b', { signal: two.signal })
  first.catch(() => {})
  await untilIdle()
  one.abort()
  await t.rejects(first, { code: 'aborted' })
  for (const { asked } of stage.asked) asked.answer(foundReply('v'))
  t.equal((await second).value, 'v')
})
