/** Makes contexts and objects for these tests: by hand, and at random from a printed seed. */
import type { Prng } from '../../../../src/base/prng.ts'
import { nodeId, type NodeId, type Start, startId, Policy } from '../../../../src/dynamo/names.ts'
import { Context, type Range, rangeOn } from '../../../../src/dynamo/version/context.ts'
import { type Dot, dotOn, type Line } from '../../../../src/dynamo/version/dot.ts'
import { merge } from '../../../../src/dynamo/version/merge.ts'
import {
  NOTHING,
  type Sibling,
  type VersionedObject,
} from '../../../../src/dynamo/version/object.ts'
import type { PutOutcome, PutRequest, Written } from '../../../../src/dynamo/version/put.ts'

export const NODE_A: NodeId = nodeId('a'.padEnd(16, '0'))
export const NODE_B: NodeId = nodeId('b'.padEnd(16, '0'))
export const START_1: Start = startId('1'.padStart(16, '0'))
export const START_2: Start = startId('2'.padStart(16, '0'))

export const line = (node: NodeId = NODE_A, start: Start = START_1, opened = 1): Line => ({
  node,
  start,
  opened,
})

/** A range of node a's first start. */
export const range = (opened: number, first: number, last: number): Range =>
  rangeOn(line(NODE_A, START_1, opened), first, last)

export const dot = (opened: number, counter: number): Dot =>
  dotOn(line(NODE_A, START_1, opened), counter)

export const requestId = (text: string): string => text.padEnd(16, '.')

export const sibling = (text: string, ...dots: Dot[]): Sibling => ({
  requestId: requestId(text),
  dots,
  time: 1000 + text.length,
  value: new TextEncoder().encode(text),
})

export const object = (ranges: Range[], ...siblings: Sibling[]): VersionedObject => ({
  context: Context.of(ranges),
  siblings,
})

let counter = 0

/** A put at node a with a counter and a request id of its own, unless the caller says otherwise. */
export const request = (text: string, rest: Partial<PutRequest> = {}): PutRequest => {
  counter += 1
  return {
    policy: Policy.siblings,
    node: NODE_A,
    start: START_1,
    counter,
    requestId: requestId(text),
    isRepeat: false,
    time: 1000 + text.length,
    value: new TextEncoder().encode(text),
    seen: Context.empty,
    ...rest,
  }
}

/** The outcome of a put that must succeed. */
export function written(outcome: PutOutcome): Written {
  if (outcome.kind !== 'written') throw new Error(`the put was ${outcome.kind}`)
  return outcome
}

export const textsOf = ({ siblings }: VersionedObject): string[] =>
  siblings.map(({ value }) => (value === undefined ? '†' : new TextDecoder().decode(value))).sort()

const LINES: readonly Line[] = [NODE_A, NODE_B].flatMap((node) =>
  [START_1, START_2].flatMap((start) => [1, 3].map((opened) => line(node, start, opened))),
)

export function anyContext(prng: Prng): Context {
  const ranges = Array.from({ length: prng.below(6) }, () => {
    const on = prng.pick(LINES)
    const first = on.opened + prng.below(5)
    return rangeOn(on, first, first + prng.below(3))
  })
  return Context.of(ranges)
}

export const dotsOf = (context: Context): Dot[] =>
  context.ranges.flatMap((r) =>
    Array.from({ length: r.last - r.first + 1 }, (_, i) => dotOn(r, r.first + i)),
  )

/**
 * Any object at all, also such as no history makes; `writeOf` says what a dot wrote. Values are
 * few, so that several dots carry one write, as retries do.
 */
export function anyObject(prng: Prng, writeOf: (dot: Dot) => string): VersionedObject {
  const context = anyContext(prng)
  const live = dotsOf(context).filter(() => prng.chance(0.4))
  return live
    .map((one) => ({ context, siblings: [sibling(writeOf(one), one)] }))
    .reduce((a, b) => ({ context, siblings: merge(bare(a), bare(b)).siblings }), {
      context,
      siblings: NOTHING.siblings,
    })
}

/** The siblings with their own dots as the only context: merging such unites them. */
function bare({ siblings }: VersionedObject): VersionedObject {
  const dots = siblings.flatMap((s) => s.dots.map((d) => rangeOn(d, d.counter, d.counter)))
  return { context: Context.of(dots), siblings }
}

/** What a dot wrote, the same whenever it is asked for: as in a cluster that gives no dot twice. */
export const writeOfDot = (one: Dot): string => `write ${(one.counter * 7 + one.opened) % 5}`
