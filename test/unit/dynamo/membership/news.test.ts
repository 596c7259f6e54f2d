/** The queue of news: bounded, least sent first, each about 2 log2(n) times. */
import t from 'tap'
import { MEMBER_RECORD_BYTES_MAX, MEMBER_TEXT_CHARS_MAX, NEWS_MAX } from '../../../../src/limits.ts'
import { newsBytes } from '../../../../src/dynamo/membership/message-bytes.ts'
import type { News } from '../../../../src/dynamo/membership/message.ts'
import { NEWS_BYTES_MAX, NewsQueue, sendsMax } from '../../../../src/dynamo/membership/news.ts'
import { id, record } from './samples.ts'

const alive = (number: number, incarnation = 1): News => ({
  kind: 'alive',
  id: id(number),
  incarnation,
})
const suspect = (number: number, by: number): News => ({
  kind: 'suspect',
  id: id(number),
  incarnation: 0,
  by: id(by),
})

t.test('each piece is sent about 2 log2(n) times, then no more', async (t) => {
  t.equal(sendsMax(1), 2)
  t.equal(sendsMax(100), 14)
  t.equal(sendsMax(2_000), 22)
  const queue = new NewsQueue()
  queue.add(alive(1))
  for (let i = 0; i < 14; i++) t.same(queue.take(100), [alive(1)])
  t.same(queue.take(100), [])
  t.equal(queue.size, 0)
})

t.test('a message is bounded, and what was sent least goes first', async (t) => {
  const queue = new NewsQueue()
  for (let i = 0; i < 200; i++) queue.add(alive(i))
  const seen = new Set<News>()
  let messages = 0
  while (seen.size < 200) {
    const news = queue.take(100)
    t.ok(news.reduce((sum, one) => sum + newsBytes(one), 0) <= NEWS_BYTES_MAX)
    for (const one of news) seen.add(one)
    messages += 1
  }
  t.equal(messages, Math.ceil(200 / Math.floor(NEWS_BYTES_MAX / newsBytes(alive(1)))))
  queue.add(alive(500))
  const next = queue.take(100)
  t.same(next[0], alive(500), 'never sent')
})

t.test('a long piece is not passed by shorter ones for ever', async (t) => {
  const queue = new NewsQueue()
  for (let i = 0; i < 100; i++) queue.add(alive(i))
  const long: News = { kind: 'record', record: record(7, { zone: 'z'.repeat(255) }) }
  queue.add(long)
  let waited = 0
  while (!queue.take(2_000).includes(long)) waited += 1
  t.ok(waited <= 3)
})

t.test('the longest record travels, alone, and what stands behind it too', async (t) => {
  const text = '\uffff'.repeat(MEMBER_TEXT_CHARS_MAX)
  const texts = { name: text, host: text, machine: text, zone: text }
  const long: News = { kind: 'record', record: record(7, texts) }
  t.ok(newsBytes(long) > NEWS_BYTES_MAX)
  t.ok(newsBytes(long) <= MEMBER_RECORD_BYTES_MAX)
  const queue = new NewsQueue()
  queue.add(long)
  queue.add(alive(1))
  t.same(queue.take(100), [long])
  t.same(queue.take(100, suspect(2, 3)), [suspect(2, 3), alive(1)])
  let sent = 0
  for (let i = 0; i < 100; i++) sent += queue.take(100).length
  t.equal(sent, 2 * (sendsMax(100) - 1), 'each as often as any')
})

t.test('later news of a member takes the place of what it contradicts', async (t) => {
  const queue = new NewsQueue()
  queue.add({ kind: 'dead', id: id(1), incarnation: 0, by: id(2) })
  queue.add(alive(1))
  queue.add({ kind: 'record', record: record(1) })
  queue.add({ kind: 'record', record: record(1, { version: 2 }) })
  t.same(queue.take(9), [alive(1), { kind: 'record', record: record(1, { version: 2 }) }])
})

t.test('suspicions of several witnesses stand beside each other, and end together', async (t) => {
  const queue = new NewsQueue()
  queue.add(suspect(1, 2))
  queue.add(suspect(1, 3))
  queue.add(suspect(4, 3))
  t.equal(queue.size, 3)
  queue.dropSuspicion(id(1), [id(2), id(3), id(9)])
  t.same(queue.take(9), [suspect(4, 3)])
})

t.test('what the receiver is accused of comes first, whatever was sent', async (t) => {
  const queue = new NewsQueue()
  t.same(queue.take(9, suspect(1, 2)), [suspect(1, 2)])
  for (let i = 0; i < 200; i++) queue.add(alive(i))
  const news = queue.take(9, suspect(1, 2))
  t.same(news[0], suspect(1, 2))
  t.ok(news.reduce((sum, one) => sum + newsBytes(one), 0) <= NEWS_BYTES_MAX)
})

t.test('the queue is bounded: the piece that was sent most goes', async (t) => {
  const queue = new NewsQueue()
  queue.add(alive(0))
  queue.take(100)
  for (let i = 1; i <= NEWS_MAX; i++) queue.add(alive(i))
  t.equal(queue.size, NEWS_MAX)
  t.notOk(queue.take(100).some((news) => news.kind === 'alive' && news.id === id(0)))
})
