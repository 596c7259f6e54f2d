/**
 * Make attempts of a call until one succeeds, one fails for good, or the deadline passes.
 *
 * Each attempt goes to one node and lasts at most `attemptMs`, beyond the time that the bytes of a
 * large value need; then the next node is tried at once. After all nodes were tried, the call
 * pauses (5 to 50 ms, at random, beyond what the last failure asks for) and attempts may last twice
 * as long, so that a value too large for the first attempt's time succeeds in a later one. Every
 * attempt of a put carries the same request id: a retry leaves one sibling, and a late answer to an
 * earlier attempt ends the call as well as an answer to the last. A node that answers that a put is
 * in doubt is asked once more: it finds its own write, where another would make a second one. If it
 * waited for owners until its time was up, the next node is asked: it may be cut off from them all.
 * Attempts after the first are within a budget (`retry-budget.ts`): without it a call whose attempt
 * failed fails, and one whose attempt is late waits on.
 *
 *     attempt 1 ----(450 ms)--x attempt 2 --refused x  pause  attempt 3 ---- answer
 *     owner 1                   owner 2                       owner 1 again
 *
 * At most `callsMax` calls are in flight; more wait for their turn (`waiting-calls.ts`). The
 * deadline of a call counts from its beginning, not from its first attempt.
 *
 * All calls share one timer. It fires when the first attempt or pause ends, at most every 10 ms,
 * and then looks at every call in flight.
 */
import { type ErrorCode, OperatingError } from '../base/errors.ts'
import { DEADLINE_MS_MAX, RETRY_AFTER_MS_MAX } from '../limits.ts'
import type { Reply, RequestKind } from '../wire/message/table.ts'
import type { Answer } from '../wire/session.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Call, newCall, type Plan } from './call.ts'
import type { Random } from './random.ts'
import { aborted, CallError, unsent } from './failure.ts'
import type { Link } from './link.ts'
import type { CallOptions, ClientSettings } from './options.ts'
import type { Pool } from './pool.ts'
import { lossOf, RetryBudget } from './retry-budget.ts'
import { Signals } from './signals.ts'
import { WaitingCalls } from './waiting-calls.ts'

/** A slow disk or network moves this much in a millisecond (4 MiB/s). */
const BYTES_PER_MS = 4_194
const SWEEP_MS_MIN = 10
const PAUSE_MS_MIN = 5
const PAUSE_MS_MAX = 50

/** Failures that this side detects: they are no sign that the node is there. */
const LOCAL_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'connection-lost',
  'not-connected',
])

export class Calls {
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #random: Random
  readonly #settings: ClientSettings
  readonly #inFlight = new Set<Call<RequestKind>>()
  readonly #waiting: WaitingCalls<Call<RequestKind>>
  readonly #retries = new RetryBudget()
  readonly #signals = new Signals<Call<RequestKind>>((call) => this.#abort(call))
  #isStarting = false
  #sweep: Timer | undefined
  /** When the sweep fires; infinity if no call is in flight. */
  #sweepAt = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(pool: Pool, clock: Clock, random: Random, settings: ClientSettings) {
    this.#pool = pool
    this.#clock = clock
    this.#random = random
    this.#settings = settings
    this.#waiting = new WaitingCalls(settings.waitingMax)
    pool.onOpen = () => this.#onOpen()
  }

  /** Requires: `options` were checked. */
  run<K extends RequestKind>(plan: Plan<K>, options: CallOptions | undefined): Promise<Reply<K>> {
    return new Promise((resolve, reject) => {
      const signal = options?.signal
      if (this.#isClosed) throw unsent('closed', 'the client is closed: connect again')
      if (signal?.aborted === true) throw aborted(signal)
      const now = this.#clock.now()
      const deadline = now + (options?.timeout ?? this.#settings.timeoutMs)
      const attemptMs = this.#settings.attemptMs + Math.floor((plan.bytes ?? 0) / BYTES_PER_MS)
      const call = newCall(plan, { deadline, attemptMs, signal, resolve, reject })
      this.#begin(call as unknown as Call<RequestKind>, now)
    })
  }

  /** Ends all calls with `closed`. */
  close(): void {
    this.#isClosed = true
    this.#sweep?.cancel()
    for (let call = this.#waiting.take(); call !== undefined; call = this.#waiting.take()) {
      this.#fail(call, new OperatingError('closed', 'the client was closed during the call'))
    }
    for (const call of [...this.#inFlight]) {
      if (call.plan.isWrite && call.attempts > 0) call.isInDoubt = true
      this.#fail(call, new OperatingError('closed', 'the client was closed during the call'))
    }
  }

  /** Makes the first attempt, or lets the call wait. Throws `overloaded` if too many wait. */
  #begin(call: Call<RequestKind>, now: number): void {
    const { callsMax } = this.#settings
    if (this.#inFlight.size < callsMax) {
      this.#inFlight.add(call)
    } else if (!this.#waiting.add(call)) {
      const { size, bytes } = this.#waiting
      throw unsent(
        'overloaded',
        `${callsMax} calls are in flight and ${size} wait, with ${bytes} bytes of keys and ` +
          'values: await some before making more',
      )
    }
    if (call.signal !== undefined) this.#signals.watch(call.signal, call)
    if (this.#inFlight.has(call)) this.#attempt(call, now)
    else if (call.deadline < this.#sweepAt) this.#startSweep(call.deadline, now)
  }

  /** Lets calls that wait begin while there is room. */
  #startWaiting(): void {
    // A call that fails at once would otherwise start the next within this function.
    if (this.#isStarting || this.#isClosed) return
    this.#isStarting = true
    const now = this.#clock.now()
    while (this.#inFlight.size < this.#settings.callsMax) {
      const call = this.#waiting.take()
      if (call === undefined) break
      // Of the calls of an aborted signal some end before others: none of them may begin.
      if (call.signal?.aborted === true) {
        this.#abort(call)
        continue
      }
      this.#inFlight.add(call)
      this.#attempt(call, now)
    }
    this.#isStarting = false
  }

  #attempt<K extends RequestKind>(call: Call<K>, now: number): void {
    const { plan } = call
    const leftMs = call.deadline - now
    if (leftMs < 1) return this.#expire(call)
    const link = this.#choose(call)
    if (link === undefined) return this.#endRound(call, now)
    const limitMs = Math.min(call.attemptMs, leftMs)
    const attempt = ++call.attempts
    if (attempt === 1) this.#retries.onFirstAttempt(now)
    call.tried.push(link)
    call.node = link.label
    call.isPaused = false
    call.isAwaitingLink = false
    this.#checkAt(call, now + limitMs, now)
    call.begunAt = now
    call.receivedBefore = link.bytesReceived
    call.movedBefore = link.bytesMoved
    // A read may take longer than its attempt: long answers of others may come before its own. So
    // may the question what became of a put: the node has the write, and makes no other.
    const mayLast = !plan.isWrite || call.askedAgain === link
    const deadlineMs = Math.min(Math.ceil(mayLast ? leftMs : limitMs), DEADLINE_MS_MAX)
    const handle = link.call(plan.kind, plan.request(deadlineMs), (answer) => {
      this.#onAnswer(call, attempt, link, answer)
    })
    call.handles.push(handle)
  }

  #choose<K extends RequestKind>(call: Call<K>): Link | undefined {
    const { only, list } = call.plan
    if (only === undefined) return this.#pool.choose(list, call.tried)
    return only.isOpen && !call.tried.includes(only) ? only : undefined
  }

  #onAnswer<K extends RequestKind>(
    call: Call<K>,
    attempt: number,
    link: Link,
    answer: Answer<K>,
  ): void {
    if (!(answer instanceof OperatingError)) {
      link.onHeard()
      if (call.isDone) return
      this.#end(call)
      call.resolve(answer)
      return
    }
    if (!LOCAL_FAILURES.has(answer.code)) link.onHeard()
    if (call.isDone) return
    if (call.plan.isWrite && answer.certainty === 'in-doubt') call.isInDoubt = true
    const now = this.#clock.now()
    const restMs = Math.min(answer.details?.retryAfterMs ?? 0, RETRY_AFTER_MS_MAX)
    call.restUntil = Math.max(call.restUntil, now + restMs)
    // The failure of an earlier attempt changes no more: the next one is under way.
    if (attempt !== call.attempts || call.isPaused) return
    call.failure = answer
    call.isBudgetSpent = false
    if (!answer.isRetryable) return this.#fail(call, answer)
    if (answer.code === 'ring-differs') this.#pool.refresh()
    const isInDoubt = answer.code === 'write-in-doubt' && !sawLateOwner(answer)
    const isAskedAgain = isInDoubt && call.askedAgain !== link
    if (isAskedAgain) {
      call.askedAgain = link
      call.tried.pop()
    }
    const isSent = call.handles[attempt - 1]?.isSent === true
    const loss = isAskedAgain ? 'nothing' : lossOf(answer, isSent)
    if (!this.#retries.allows(call, loss, now)) this.#fail(call, answer)
    else if (answer.code === 'overloaded') this.#pause(call, now)
    else this.#attempt(call, now)
  }

  /** All nodes were tried: try them again after a pause, with longer attempts. */
  #endRound<K extends RequestKind>(call: Call<K>, now: number): void {
    if (call.tried.length > 0) {
      call.tried = []
      call.attemptMs *= 2
    } else {
      call.isAwaitingLink = true
      const { only } = call.plan
      const failure = only === undefined ? this.#pool.failure() : notConnected(only)
      if (call.attempts === 0) call.failure = failure
      if (!failure.isRetryable) return this.#fail(call, failure)
    }
    this.#pause(call, now)
  }

  #pause<K extends RequestKind>(call: Call<K>, now: number): void {
    const ceiling = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** call.rounds)
    call.rounds++
    call.isPaused = true
    const pauseMs = ceiling / 2 + this.#random.below(ceiling / 2)
    const due = Math.max(now, call.restUntil) + pauseMs
    this.#checkAt(call, Math.min(call.deadline, due), now)
  }

  /** Sees to it that a sweep checks `call` when its attempt or pause ends. */
  #checkAt<K extends RequestKind>(call: Call<K>, due: number, now: number): void {
    call.due = due
    if (due < this.#sweepAt) this.#startSweep(due, now)
  }

  #startSweep(at: number, now: number): void {
    this.#sweep?.cancel()
    this.#sweepAt = at
    this.#sweep = this.#clock.after(at - now, () => this.#onSweep())
  }

  #onSweep(): void {
    const now = this.#clock.now()
    // New due times need no timer during the sweep: it looks for the earliest at its end.
    this.#sweepAt = Number.NEGATIVE_INFINITY
    for (const call of this.#waiting.late(now)) this.#expire(call)
    for (const call of this.#inFlight) if (now >= call.due) this.#onDue(call, now)
    let earliest = this.#waiting.earliest
    for (const { due } of this.#inFlight) if (due < earliest) earliest = due
    this.#sweepAt = earliest
    if (this.#inFlight.size > 0) this.#startSweep(Math.max(earliest, now + SWEEP_MS_MIN), now)
  }

  #onDue(call: Call<RequestKind>, now: number): void {
    if (call.isPaused) return this.#attempt(call, now)
    const link = call.tried[call.tried.length - 1] as Link
    const due = this.#dueByBytes(call, link)
    if (now < due) return this.#checkAt(call, due, now)
    const isSilent = link.bytesReceived === call.receivedBefore
    if (isSilent) link.onSilence()
    if (call.plan.isWrite) call.isInDoubt = true
    // Where the call's own end cut the attempt short, the failure before it says more.
    if (call.failure === undefined || now - call.begunAt >= this.#settings.attemptMs) {
      call.failure = new OperatingError(
        'deadline-passed',
        'the node did not answer in time: it may be paused, cut off or overloaded',
      )
    }
    if (call.deadline - now < 1) return this.#expire(call)
    // A node that is silent while another is not is away, and not slow.
    const loss = isSilent && this.#pool.hasUsable(call.tried) ? 'node' : 'attempt'
    if (this.#retries.allows(call, loss, now)) return this.#attempt(call, now)
    // The nodes are asked no more, but an answer that is late is still of use.
    call.receivedBefore = link.bytesReceived
    this.#checkAt(call, Math.min(call.deadline, now + call.attemptMs), now)
  }

  /** An attempt lasts longer by the time that the bytes before its own need. */
  #dueByBytes(call: Call<RequestKind>, link: Link): number {
    const moved = Math.max(0, link.bytesMoved - call.movedBefore)
    return Math.min(call.deadline, call.begunAt + call.attemptMs + moved / BYTES_PER_MS)
  }

  #onOpen(): void {
    const now = this.#clock.now()
    for (const call of this.#inFlight) if (call.isAwaitingLink) this.#attempt(call, now)
  }

  #expire<K extends RequestKind>(call: Call<K>): void {
    const late = new OperatingError(
      'deadline-passed',
      "the call's time was up before any node could be asked: make fewer calls at once, or " +
        'give it a longer timeout',
    )
    this.#fail(call, call.failure ?? late)
  }

  #abort<K extends RequestKind>(call: Call<K>): void {
    if (call.plan.isWrite && call.attempts > 0) call.isInDoubt = true
    this.#fail(call, aborted(call.signal as AbortSignal))
  }

  #fail<K extends RequestKind>(call: Call<K>, failure: OperatingError): void {
    this.#end(call)
    const certainty = call.isInDoubt ? 'in-doubt' : 'refused'
    const { attempts, node } = call
    const isBudgetSpent = call.isBudgetSpent && failure === call.failure
    const details = this.#pool.withNames(failure.details)
    call.reject(new CallError(failure, { certainty, attempts, node, isBudgetSpent, details }))
  }

  #end<K extends RequestKind>(call: Call<K>): void {
    const ended = call as unknown as Call<RequestKind>
    call.isDone = true
    for (const handle of call.handles) handle.forget()
    if (!this.#inFlight.delete(ended)) this.#waiting.delete(ended)
    if (call.signal !== undefined) this.#signals.forget(call.signal, ended)
    if (this.#waiting.size > 0) this.#startWaiting()
  }
}

/** Whether the node waited for owners until its time was up. */
function sawLateOwner({ details }: OperatingError): boolean {
  return details?.nodes?.some(({ code }) => code === 'deadline-passed') === true
}

function notConnected(link: Link): OperatingError {
  const sentence = `${link.label} is not connected`
  return link.failure ?? new OperatingError('not-connected', sentence)
}
