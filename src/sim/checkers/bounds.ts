/**
 * Check the gauges of running nodes against `limits.ts` and their configuration, and the final
 * object of each key against the limits on objects.
 *
 *     const bounds = new Bounds(cluster.configOf(1))
 *     bounds.sample(machine, node.gauges())       // now and then, and as a node ends
 *     bounds.object(label, object, copies)        // each object found in the end
 *     violations.push(...bounds.violations)
 *
 * The table below has every gauge of a node, or this does not compile. `peaks` has the highest
 * value of each gauge: a gauge that stays far below its bound leaves the bound untested.
 *
 * Why not: the number of all calls in progress. Peers' calls are admitted by the coordinators that
 * make them, and a call whose connection ended counts until its work is done.
 */
import type { Config } from '../../config.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  DOTS_PER_SIBLING_MAX,
  MESSAGE_BYTES_MAX,
  OPERATOR_CALLS_MAX,
  OUTGOING_BYTES_PER_CONNECTION_MAX,
  RANGES_MAX,
  RECORD_BYTES_MAX,
  REMEMBERED_REQUESTS_MAX,
  SIBLINGS_MAX,
  UNSYNCED_BYTES_MAX,
  VALUE_BYTES_MAX,
  WAITERS_PER_KEY_MAX,
  WINDOW_BYTES,
} from '../../limits.ts'
import type { GaugeName, Gauges } from '../../node/report.ts'
import { SEGMENT_HEADER_BYTES } from '../../store/log/segment.ts'
import { MARK_BYTES } from '../../store/log/writer.ts'
import { poolBytesOf } from '../../wire/session-memory.ts'
import { Findings } from './findings.ts'

type Bounded = Pick<Config, 'callsMax' | 'connectionsMax' | 'messageBytes' | 'segmentBytes'>

export class Bounds {
  readonly #maxima: Readonly<Record<GaugeName, number>>
  readonly #found = new Findings()
  /** The highest of each so far, beside its bound. */
  readonly peaks: Map<GaugeName, { readonly value: number; readonly max: number }> = new Map()

  constructor({ callsMax, connectionsMax, messageBytes, segmentBytes }: Bounded) {
    // A message that is larger than a pool is let through alone.
    const memory = Math.max(poolBytesOf(messageBytes), MESSAGE_BYTES_MAX)
    this.#maxima = {
      client_connections: connectionsMax,
      peer_connections: connectionsMax,
      client_calls: callsMax + OPERATOR_CALLS_MAX,
      calls_of_connection: CALLS_PER_CONNECTION_MAX,
      // The last request may be as large as a message can be.
      outgoing_bytes: OUTGOING_BYTES_PER_CONNECTION_MAX + MESSAGE_BYTES_MAX,
      incoming_bytes: WINDOW_BYTES,
      request_bytes: memory,
      long_request_bytes: memory,
      long_answer_bytes: memory,
      handed_on_bytes: memory,
      begun_answer_bytes: memory,
      // An answer that turns out longer than it asked for takes what it lacks.
      grown_answer_bytes: memory + MESSAGE_BYTES_MAX,
      waiters_of_key: WAITERS_PER_KEY_MAX,
      remembered_requests: REMEMBERED_REQUESTS_MAX,
      // A mark is written even if the bound is reached.
      unsynced_bytes: UNSYNCED_BYTES_MAX + MARK_BYTES,
      // A record that is larger than a segment gets a segment of its own.
      segment_bytes: Math.max(segmentBytes, SEGMENT_HEADER_BYTES + RECORD_BYTES_MAX),
    }
  }

  get violations(): readonly string[] {
    return this.#found.sentences
  }

  /** What a running node holds at this moment. */
  sample(machine: number, gauges: Gauges): void {
    for (const [gauge, max] of Object.entries(this.#maxima) as [GaugeName, number][]) {
      const value = gauges[gauge]
      if (value > (this.peaks.get(gauge)?.value ?? -1)) this.peaks.set(gauge, { value, max })
      if (value <= max) continue
      this.#found.say(
        'over a limit',
        `node ${machine} has ${gauge} ${value}, at most ${max} may be`,
      )
    }
  }

  /**
   * Checks the final object of a key. Each copy refuses puts above `SIBLINGS_MAX` by itself, so the
   * merged object may have that many siblings for each of `copies`: the owners, and one more for
   * each of their disks that was emptied meanwhile.
   */
  object(key: string, { siblings, context }: VersionedObject, copies: number): void {
    this.#check(key, 'siblings', siblings.length, copies * SIBLINGS_MAX)
    this.#check(key, 'ranges', context.ranges.length, RANGES_MAX)
    for (const { dots, value } of siblings) {
      this.#check(key, 'dots of a sibling', dots.length, DOTS_PER_SIBLING_MAX)
      this.#check(key, 'bytes of a value', value?.length ?? 0, VALUE_BYTES_MAX)
    }
  }

  #check(key: string, what: string, value: number, max: number): void {
    if (value > max) this.#found.say('over a limit', `${key} has ${value} ${what}, at most ${max}`)
  }
}
