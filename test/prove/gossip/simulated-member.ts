/** One simulated member: a view, and its process, which may be paused, starved or dead. */
import { nodeId } from '../../../src/dynamo/names.ts'
import {
  type MemberRecord,
  MemberState,
  memberRecord,
} from '../../../src/dynamo/membership/member-record.ts'
import type { Action } from '../../../src/dynamo/membership/action.ts'
import type { View } from '../../../src/dynamo/membership/view.ts'
import type { Prng } from '../../../src/base/prng.ts'

export type Input = (view: View, now: number) => readonly Action[]

export class SimulatedMember {
  readonly number: number
  readonly record: MemberRecord
  view: View | undefined
  /** Counts starts, so that wake-ups of an earlier one are ignored. */
  start = 0
  /** When the next wake-up is due. */
  wakeAt = Number.POSITIVE_INFINITY
  /** Stopped from and until then; inputs wait. */
  pausedFrom = Number.NEGATIVE_INFINITY
  pausedUntil = Number.NEGATIVE_INFINITY
  readonly waiting: Input[] = []
  /** It gets little of its processor. */
  isStarved = false
  /** What comes to it waits so long before it is read, though its timers are in time. */
  lagMs = 0
  /** Inputs that it reads each time that it runs again. */
  inputsMax = Number.POSITIVE_INFINITY
  /** Since then it cannot answer, by its own fault: deaths that are declared now are true. */
  awayFrom = Number.POSITIVE_INFINITY
  awayUntil = Number.POSITIVE_INFINITY
  /** Of two sides of a cut. */
  side = 0
  sentBytes = 0
  sentMessages = 0

  constructor(number: number, record: MemberRecord) {
    this.number = number
    this.record = record
  }

  /** Runs, and was not told that an operator removed it. */
  get isUp(): boolean {
    return this.view?.isMember === true
  }

  isAway(now: number): boolean {
    return !this.isUp || (now >= this.awayFrom && now < this.awayUntil)
  }
}

/** A record as an operator might make it; `sponsor` is itself for the first list. */
export function recordOf(number: number, prng: Prng, sponsor?: MemberRecord): MemberRecord {
  const digits = `${hex(prng.u32())}${hex(prng.u32())}`
  const id = nodeId(digits)
  return memberRecord({
    id,
    name: `node-${number}`,
    host: `10.0.${number >>> 8}.${number & 0xff}`,
    clientPort: 7400,
    peerPort: 7500,
    machine: `machine-${number}`,
    zone: `zone-${number % 3}`,
    weight: 1,
    state: MemberState.joined,
    version: 1,
    by: sponsor?.id ?? id,
    sponsor: sponsor?.id ?? id,
  })
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
