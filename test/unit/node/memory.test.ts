/** The memory of messages in a running node: what waits for it. */
import t from 'tap'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import { SCAN_PAGE_BYTES_MAX } from '../../../src/limits.ts'
import { Scene } from './scene.ts'

const MIB = 1_048_576
const SCANS = 40

t.test('pages of scans wait for memory before they are made', async (t) => {
  const scene = await Scene.open({ nodes: 1, messageBytes: 16 * MIB, windowBytes: 2 * MIB })
  const bucket = (await scene.client()).bucket()
  for (let i = 0; i < 3; i++) await scene.run(bucket.put(`key-${i}`, 'x'.repeat(300_000)))
  const session = await scene.session(1)
  const query = {
    bucket: utf8Bytes('default'),
    cursor: new Uint8Array(0),
    keysMax: 10,
    withValues: true,
    r: 0,
    deadlineMs: 10_000,
  }
  let left = SCANS
  const bytes: number[] = []
  for (let i = 0; i < SCANS; i++) {
    void session.begin('scan', query).then((page) => {
      left -= 1
      t.notOk(isOperatingError(page))
    })
  }
  const isOver = (): boolean => {
    bytes.push(scene.cluster.node(1)?.gauges().grown_answer_bytes ?? 0)
    return left === 0
  }
  t.ok(await scene.world.runUntil(isOver, 60_000))
  t.ok(Math.max(...bytes) > MIB / 2, 'a page was seen')
  t.ok(Math.max(...bytes) <= 2 * MIB + SCAN_PAGE_BYTES_MAX)
  t.equal(bytes.at(-1), 0)
})
