/** Sealed contexts: what opens, and by which code each other one is refused. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { Prng } from '../../../../src/base/prng.ts'
import { ContextSeal } from '../../../../src/dynamo/version/context-seal.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { CONTEXTS_MAX } from '../../../../src/limits.ts'
import { range } from './samples.ts'
import type { CreationId } from '../../../../src/dynamo/names.ts'
import { BUCKET_ID, copyOf } from '../../../../src/store/conformance/subject.ts'

const clusterKey = (id: number): { id: number; key: Uint8Array } => ({
  id,
  key: Prng.of(id, 'cluster key').fill(new Uint8Array(16)),
})
const bucket = utf8Bytes('carts')
const key = utf8Bytes('alice')
const context = Context.of([range(1, 1, 4), range(9, 9, 9)])
const seal = new ContextSeal([clusterKey(1)], 'cluster')
const OF = copyOf({ bucket, key })
const sealed = seal.seal(OF, context)
/** Behind the format, the key's id and the cluster's tag. */
const TAG_END = 13

const codeOf = (opened: ReturnType<ContextSeal['open']>): string =>
  opened.kind === 'opened' ? 'opened' : opened.code

t.test('a context that was sealed for a key opens for that key', async (t) => {
  const opened = seal.open(OF, sealed)
  t.ok(opened.kind === 'opened' && opened.context.equals(context))
})

t.test('the empty context is empty bytes, and empty bytes are the empty context', async (t) => {
  t.equal(seal.seal(OF, Context.empty).length, 0)
  t.same(seal.open(OF, new Uint8Array(0)), { kind: 'opened', context: Context.empty })
})

t.test('D12: a context with any one bit changed never opens', async (t) => {
  const codes = new Set<string>()
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const bytes = Uint8Array.from(sealed)
    bytes[bit >>> 3]! ^= 1 << (bit & 7)
    codes.add(codeOf(seal.open(OF, bytes)))
  }
  t.same([...codes].sort(), [
    'context-forged',
    'context-garbled',
    'context-key-unknown',
    'context-other-cluster',
  ])
})

t.test('D12: a context that is cut or longer is garbled', async (t) => {
  for (let length = 1; length < sealed.length; length++) {
    t.equal(codeOf(seal.open(OF, sealed.subarray(0, length))), 'context-garbled')
  }
  t.equal(codeOf(seal.open(OF, Uint8Array.of(...sealed, 0))), 'context-garbled')
})

t.test('D12: a context with a raised counter and a guessed signature is forged', async (t) => {
  const forger = new ContextSeal([{ ...clusterKey(2), id: 1 }], 'cluster')
  const huge = forger.seal(OF, Context.of([range(1, 1, 2 ** 48 - 1)]))
  huge.set(sealed.subarray(0, TAG_END))
  t.equal(codeOf(seal.open(OF, huge)), 'context-forged')
})

t.test('D12: a context of another key or bucket is foreign', async (t) => {
  t.equal(
    codeOf(seal.open(copyOf({ bucket: bucket, key: utf8Bytes('bob') }), sealed)),
    'context-foreign',
  )
  t.equal(
    codeOf(seal.open(copyOf({ bucket: utf8Bytes('card'), key: utf8Bytes('salice') }), sealed)),
    'context-foreign',
  )
  const anew = { ...BUCKET_ID, creation: 'c0ffee0000000001' as CreationId }
  const other = { ...OF, bucketId: anew }
  t.equal(codeOf(seal.open(other, sealed)), 'context-foreign', 'a bucket made anew')
  t.equal(
    codeOf(seal.open(copyOf({ bucket: utf8Bytes('cartsa'), key: utf8Bytes('lice') }), sealed)),
    'context-foreign',
  )
})

t.test('D12: a context of another cluster says so, by its name or its key', async (t) => {
  const named = new ContextSeal([clusterKey(1)], 'other')
  t.equal(codeOf(named.open(OF, sealed)), 'context-other-cluster')
  const keyed = new ContextSeal([{ ...clusterKey(2), id: 1 }], 'cluster')
  t.equal(codeOf(keyed.open(OF, sealed)), 'context-other-cluster')
  const rotated = new ContextSeal([clusterKey(2), clusterKey(1)], 'cluster')
  t.equal(codeOf(rotated.open(OF, sealed)), 'opened', 'one cluster may have two keys')
})

t.test('a key verifies before it signs and until it is retired; then it is unknown', async (t) => {
  const [one, two] = [clusterKey(1), clusterKey(2)]
  const stages = [[one], [one, two], [two, one], [two]].map(
    (keys) => new ContextSeal(keys, 'cluster'),
  )
  const opens = stages.map((signer) => {
    const bytes = signer.seal(OF, context)
    return stages.map((verifier) => codeOf(verifier.open(OF, bytes)))
  })
  const unknown = 'context-key-unknown'
  t.same(opens, [
    ['opened', 'opened', 'opened', unknown],
    ['opened', 'opened', 'opened', unknown],
    [unknown, 'opened', 'opened', 'opened'],
    [unknown, 'opened', 'opened', 'opened'],
  ])
})

t.test('several contexts are joined; one bad one refuses all; too many are refused', async (t) => {
  const other = Context.of([range(20, 20, 21)])
  const both = seal.openAll(OF, [sealed, seal.seal(OF, other)])
  t.ok(both.kind === 'opened' && both.context.equals(context.join(other)))
  const bad = sealed.subarray(1)
  t.equal(codeOf(seal.openAll(OF, [sealed, bad])), 'context-garbled')
  const many = Array.from({ length: CONTEXTS_MAX + 1 }, () => sealed)
  t.equal(codeOf(seal.openAll(OF, many)), 'contexts-too-many')
  t.equal(codeOf(seal.openAll(OF, many.slice(1))), 'opened')
})

t.test('a seal without keys, or with two keys of one id, is asserted', async (t) => {
  t.throws(() => new ContextSeal([], 'cluster'), { name: 'BrokenBelief' })
  t.throws(() => new ContextSeal([clusterKey(1), clusterKey(1)], 'c'), { name: 'BrokenBelief' })
})
