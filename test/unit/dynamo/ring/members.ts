/** Members for tests of the ring: named, numbered, on machines and in zones as asked. */
import { nodeId } from '../../../../src/dynamo/names.ts'
import type { Member } from '../../../../src/dynamo/ring/ring.ts'

export interface MemberSketch {
  readonly machine?: string
  readonly zone?: string
  readonly weight?: number
}

/** A member whose id follows from its number; on a machine of its own unless told. */
export function member(number: number, sketch: MemberSketch = {}): Member {
  return {
    id: nodeId(number.toString(16).padStart(16, '0')),
    name: `n${number}`,
    host: '127.0.0.1',
    clientPort: 7400 + number,
    peerPort: 7500 + number,
    machine: sketch.machine ?? `m${number}`,
    zone: sketch.zone ?? '',
    weight: sketch.weight ?? 1,
  }
}

export function members(count: number, sketch: (i: number) => MemberSketch = () => ({})): Member[] {
  return Array.from({ length: count }, (_, i) => member(i + 1, sketch(i)))
}
