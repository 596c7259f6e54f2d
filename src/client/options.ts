/**
 * The options of a client and of a single call, checked and completed.
 *
 * Times are in milliseconds. Every call has one deadline for all its attempts. Each request tells
 * its node how much time is left, so that the node can drop work that is too late.
 */
import { utf8Bytes } from '../base/bytes.ts'
import { DEFAULTS } from '../config.ts'
import { CALLS_PER_CONNECTION_MAX, TOKEN_BYTES_MAX, WAITING_CALLS_MAX } from '../limits.ts'
import type { Address } from '../world/network.ts'
import {
  ANYTHING,
  type Checks,
  optionsCheck,
  SIGNAL,
  TEXT,
  TEXT_OR_BYTES,
  TIMEOUT,
  WHOLE_ABOVE_0,
} from './check-options.ts'
import { unsent } from './failure.ts'

export interface ConnectOptions {
  /**
   * Nodes to ask first: `'host:port'`, `'host'` (port 7400), `'[::1]:7400'` or `{ host, port }`.
   * One that answers is enough; the others are learned from it.
   */
  readonly seeds: readonly (string | Address)[]
  /**
   * The token of the cluster, if it has one configured: 1 to 1,024 bytes. It is proved and never
   * sent. A node that does not know it, or asks for none, is refused.
   */
  readonly token?: string | Uint8Array | undefined
  /** The name of the cluster; a node of another cluster is refused. */
  readonly cluster?: string | undefined
  /** Time for a call that names none, all its attempts together; by default 5,000 ms. */
  readonly timeout?: number | undefined
  /**
   * How long one attempt lasts before the next node is tried; by default 450 ms. A put's lasts
   * 250 ms longer for each MiB of its value.
   */
  readonly attemptTimeout?: number | undefined
  /** How long `connect` may take; by default as `timeout`. */
  readonly connectTimeout?: number | undefined
  /** Ends `connect` early with `aborted`; of no effect once it has resolved. */
  readonly signal?: AbortSignal | undefined
  /** Calls in flight at once, by default 1,024; more wait until one of them has ended. */
  readonly callsMax?: number | undefined
  /**
   * Calls that wait for that, from 0 to 65,536, by default 65,536; their keys and values have at
   * most 256 MiB together. Their time runs while they wait. One more fails at once with
   * `overloaded`.
   */
  readonly waitingMax?: number | undefined
}

/** The options of every call. */
export interface CallOptions {
  /** Ends the call early with `aborted`. A write that was sent may still be applied. */
  readonly signal?: AbortSignal | undefined
  /** Time for this call in milliseconds, all its attempts together. */
  readonly timeout?: number | undefined
}

/** `ConnectOptions`, checked and complete. */
export interface ClientSettings {
  readonly seeds: readonly Address[]
  readonly token: Uint8Array | undefined
  readonly cluster: string
  readonly timeoutMs: number
  readonly attemptMs: number
  readonly connectMs: number
  readonly callsMax: number
  readonly waitingMax: number
}

/** The checks of the options of every call. */
export const CALL_CHECKS: Checks<CallOptions> = { signal: SIGNAL, timeout: TIMEOUT }

const TIMEOUT_MS = 5_000
const ATTEMPT_MS = 450
/** As many as a node accepts on one connection, so that one node can serve them all. */
const CALLS_MAX = CALLS_PER_CONNECTION_MAX

/** Checks `options`; throws `config-wrong` where one is unknown, wrong or missing. */
export function settingsOf(options: ConnectOptions): ClientSettings {
  checkConnect(options)
  const { seeds, token, timeout = TIMEOUT_MS } = options ?? {}
  if (!Array.isArray(seeds) || seeds.length === 0) {
    throw unsent(
      'config-wrong',
      "connect needs seeds, nodes to ask first: connect({ seeds: ['127.0.0.1:7400'] })",
    )
  }
  return {
    seeds: seeds.map(seedOf),
    token: tokenBytes(token),
    cluster: options.cluster ?? '',
    timeoutMs: timeout,
    attemptMs: options.attemptTimeout ?? ATTEMPT_MS,
    connectMs: options.connectTimeout ?? timeout,
    callsMax: options.callsMax ?? CALLS_MAX,
    waitingMax: options.waitingMax ?? WAITING_CALLS_MAX,
  }
}

const checkConnect = optionsCheck<ConnectOptions>('connect', {
  seeds: ANYTHING,
  token: TEXT_OR_BYTES,
  cluster: TEXT,
  timeout: TIMEOUT,
  attemptTimeout: TIMEOUT,
  connectTimeout: TIMEOUT,
  signal: SIGNAL,
  callsMax: WHOLE_ABOVE_0,
  waitingMax: {
    words: `a whole number from 0 to ${WAITING_CALLS_MAX}`,
    isRight: (value) =>
      Number.isInteger(value) && (value as number) >= 0 && (value as number) <= WAITING_CALLS_MAX,
  },
})

function tokenBytes(token: ConnectOptions['token']): Uint8Array | undefined {
  if (token === undefined) return undefined
  const bytes = typeof token === 'string' ? utf8Bytes(token) : token.slice()
  if (bytes.length >= 1 && bytes.length <= TOKEN_BYTES_MAX) return bytes
  throw unsent(
    'config-wrong',
    `token has ${bytes.length} bytes: give 1 to ${TOKEN_BYTES_MAX}, or leave it out`,
  )
}

/** `seed` is unknown because programs without types may pass anything. */
function seedOf(seed: unknown): Address {
  if (typeof seed === 'string') return parseSeed(seed)
  const { host, port } = (seed ?? {}) as Partial<Address>
  const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port <= 65_535
  if (typeof host === 'string' && host !== '' && isPort) return { host, port }
  throw unsent(
    'config-wrong',
    `a seed is 'host:port' or { host, port }, not ${JSON.stringify(seed) ?? String(seed)}`,
  )
}

/** `host`, `host:port`, `[v6]` or `[v6]:port`. */
export function parseSeed(seed: string): Address {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(seed.trim())
  const host = parts?.[1] ?? parts?.[2]
  const port = parts?.[3] === undefined ? DEFAULTS.clientPort : Number(parts[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw unsent(
      'config-wrong',
      `a seed is host:port or host, such as 127.0.0.1:7400, not ${JSON.stringify(seed)}`,
    )
  }
  return { host, port }
}
