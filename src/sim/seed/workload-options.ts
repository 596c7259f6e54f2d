/** What the clients of a simulated cluster do, and to which keys. */
import type { Mix } from '../scenario.ts'

export interface WorkloadOptions {
  readonly clients: number
  readonly buckets: readonly string[]
  /** In use at one time. */
  readonly keys: number
  /** After so many writes the oldest of them gives way to a new one. */
  readonly writesPerKey: number
  readonly valueBytesMax: number
  /** A value is so long that it travels in chunks. */
  readonly longValueChance: number
  /** Of one operation. */
  readonly timeoutMs: number
  /** A put is sent again for a third of this. */
  readonly rememberMs: number
  /** Between two operations of one client, at most. */
  readonly thinkMsMax: number
  readonly mix: Mix
  /** Clients with a session, of those beside the first: their gets ask one owner. */
  readonly sessions: number
}

/** A key, as the history and people name it: `bucket/key`. */
export interface Place {
  readonly bucket: string
  readonly key: string
  readonly label: string
}
