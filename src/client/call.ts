/**
 * One call of the client: what it asks, where it may go, and how far it has come.
 *
 * `calls.ts` makes its attempts and keeps this state; no other file changes it.
 */
import type { OperatingError } from '../base/errors.ts'
import type { PreferenceList } from '../dynamo/ring/preference-list.ts'
import type { Reply, Request, RequestKind } from '../wire/message/table.ts'
import type { CallHandle } from '../wire/session.ts'
import type { Link } from './link.ts'

/** A request, and the nodes that it may go to. */
export interface Plan<K extends RequestKind> {
  readonly kind: K
  /** True where a failed attempt may have changed something. */
  readonly isWrite: boolean
  /** The nodes to ask first; undefined: any node. */
  readonly list?: PreferenceList | undefined
  /** The one node to ask; undefined: all may be asked. */
  readonly only?: Link | undefined
  /** About how many bytes an attempt moves: 1 MiB makes it last 250 ms longer; undefined: few. */
  readonly bytes?: number
  /** Bytes of its key and value, which it keeps while it waits; undefined: none. */
  readonly heldBytes?: number
  request(deadlineMs: number): Request<K>
}

/** One call, waiting or in flight. */
export interface Call<K extends RequestKind> {
  readonly plan: Plan<K>
  readonly deadline: number
  readonly heldBytes: number
  readonly resolve: (reply: Reply<K>) => void
  readonly reject: (error: unknown) => void
  readonly signal: AbortSignal | undefined
  isDone: boolean
  /** How long the next attempt may last. */
  attemptMs: number
  /** Between attempts, until `due`. */
  isPaused: boolean
  /** Paused because no node can be asked: continues as soon as a link opens. */
  isAwaitingLink: boolean
  /** When the attempt or the pause ends. */
  due: number
  attempts: number
  /** Links tried in this round; the last is being asked. */
  tried: Link[]
  /** The link that was asked again since it answered in doubt: it finds what it wrote. */
  askedAgain: Link | undefined
  /** When the attempt began, and what its link had received and moved by then. */
  begunAt: number
  receivedBefore: number
  movedBefore: number
  /** Attempts that were sent, to be cancelled when the call is over. */
  handles: CallHandle[]
  rounds: number
  /** No pause ends before it: the latest instant until which a node asked to wait. */
  restUntil: number
  /** An attempt was lost with its node, and another was made in its place at no charge. */
  isReplaced: boolean
  /** The retry budget had nothing left for another attempt when one was wanted last. */
  isBudgetSpent: boolean
  /** An attempt of a write may be applied. */
  isInDoubt: boolean
  failure: OperatingError | undefined
  node: string | undefined
}

/** What a call is made with, beside its plan. */
type CallTerms<K extends RequestKind> = Pick<
  Call<K>,
  'deadline' | 'attemptMs' | 'signal' | 'resolve' | 'reject'
>

/** A call before its first attempt. */
export function newCall<K extends RequestKind>(plan: Plan<K>, terms: CallTerms<K>): Call<K> {
  // By name: a spread of as many fields takes several times as long.
  const { deadline, attemptMs, signal, resolve, reject } = terms
  return {
    plan,
    deadline,
    attemptMs,
    signal,
    resolve,
    reject,
    heldBytes: plan.heldBytes ?? 0,
    isDone: false,
    isPaused: false,
    isAwaitingLink: false,
    due: 0,
    attempts: 0,
    tried: [],
    askedAgain: undefined,
    begunAt: 0,
    receivedBefore: 0,
    movedBefore: 0,
    handles: [],
    rounds: 0,
    restUntil: 0,
    isReplaced: false,
    isBudgetSpent: false,
    isInDoubt: false,
    failure: undefined,
    node: undefined,
  }
}
