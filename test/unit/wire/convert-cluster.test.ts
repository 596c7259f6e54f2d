/** Plans and changes of members in messages: what an operator may ask, and what is garbled. */
import t from 'tap'
import { MEMBER_TEXT_CHARS_MAX, MEMBER_WEIGHT_MAX, WITHOUT_MAX } from '../../../src/limits.ts'
import { decodeReply, decodeRequest, encodeRequest } from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import type { ClusterChange, ClusterPlan } from '../../../src/wire/message/cluster.ts'
import { thrownCode } from '../../support/thrown-code.ts'
import { bytesOf } from '../../support/wire-frames.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'

const { clusterPlan: plan, clusterChange: change } = REQUESTS
const LONG = 'x'.repeat(MEMBER_TEXT_CHARS_MAX + 1)

t.test('the most and the least that may be asked travel', async (t) => {
  const without = Array.from({ length: WITHOUT_MAX }, (_, i) => `node-${i}`)
  for (const asked of [
    { ...plan, without },
    { ...plan, act: 1, splits: false, without: [], isForced: false } as const,
  ]) {
    const bytes = bytesOf(encodeRequest('clusterPlan', asked))
    t.same(decodeRequest('clusterPlan', bytes, 0, bytes.length), asked)
  }
  for (const weight of [0, MEMBER_WEIGHT_MAX]) {
    const asked = { ...change, weight, successor: '', zone: '' }
    const bytes = bytesOf(encodeRequest('clusterChange', asked))
    t.same(decodeRequest('clusterChange', bytes, 0, bytes.length), asked)
  }
})

t.test('what no operator may ask is garbled, at both sides', async (t) => {
  const plans: readonly Partial<Record<keyof ClusterPlan, unknown>>[] = [
    { act: 0 },
    { act: 4 },
    { without: [''] },
    { without: [LONG] },
    { without: Array.from({ length: WITHOUT_MAX + 1 }, () => 'a') },
  ]
  for (const wrong of plans) {
    const asked = { ...plan, ...wrong } as ClusterPlan
    t.equal(await thrownCode(() => encodeRequest('clusterPlan', asked)), 'message-garbled')
    const bytes = pb.ClusterPlan.encode({ ...asked, without: [...asked.without] }).finish()
    const decode = () => decodeRequest('clusterPlan', bytes, 0, bytes.length)
    t.equal(await thrownCode(decode), 'message-garbled', JSON.stringify(wrong).slice(0, 40))
  }
  const changes: readonly Partial<Record<keyof ClusterChange, unknown>>[] = [
    { what: 0 },
    { what: 6 },
    { member: '' },
    { member: LONG },
    { successor: LONG },
    { zone: LONG },
    { weight: -1 },
    { weight: MEMBER_WEIGHT_MAX + 1 },
    { weight: Number.NaN },
  ]
  for (const wrong of changes) {
    const asked = { ...change, ...wrong } as ClusterChange
    t.equal(await thrownCode(() => encodeRequest('clusterChange', asked)), 'message-garbled')
    const bytes = pb.ClusterChange.encode(asked).finish()
    const decode = () => decodeRequest('clusterChange', bytes, 0, bytes.length)
    t.equal(await thrownCode(decode), 'message-garbled', JSON.stringify(wrong).slice(0, 40))
  }
})

t.test('answers about rings that cannot be are garbled', async (t) => {
  const node = new Uint8Array(8)
  const bits = pb.ClusterPlanReply.encode({ node, partitionBits: 17 }).finish()
  const many = pb.ClusterPlanReply.encode({ node, moves: [{ n: 8 }] }).finish()
  for (const bytes of [bits, many]) {
    const decode = () => decodeReply('clusterPlan', bytes, 0, bytes.length)
    t.equal(await thrownCode(decode), 'message-garbled')
  }
  const status = pb.ClusterStatusReply.encode({ node, partitionBits: 17 }).finish()
  const decode = () => decodeReply('clusterStatus', status, 0, status.length)
  t.equal(await thrownCode(decode), 'message-garbled')
})

t.test('an answer of nothing has every field', async (t) => {
  const node = new Uint8Array(8)
  const planned = pb.ClusterPlanReply.encode({ node }).finish()
  const plain = decodeReply('clusterPlan', planned, 0, planned.length)
  t.same(Object.keys(plain).toSorted(), Object.keys(REPLIES.clusterPlan).toSorted())
  const status = pb.ClusterStatusReply.encode({ node }).finish()
  const told = decodeReply('clusterStatus', status, 0, status.length)
  t.same(Object.keys(told).toSorted(), Object.keys(REPLIES.clusterStatus).toSorted())
  t.match(told, { name: '', movesLeft: 0, isPaused: false, inEffect: { number: 0 } })
})
