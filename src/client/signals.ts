/**
 * Watch abort signals for calls: one listener for each signal, however many calls share it.
 *
 * Node warns of a leak when more than ten listeners are on one signal, and a program may well pass
 * one signal to a thousand calls.
 *
 * Invariant: a signal has a listener exactly while one of its calls has not ended, so calls bound
 * the number of listeners.
 */

interface Watched<Call> {
  readonly calls: Set<Call>
  readonly onAbort: () => void
}

export class Signals<Call> {
  readonly #onAbort: (call: Call) => void
  readonly #bySignal = new Map<AbortSignal, Watched<Call>>()

  /** `onAbort` is called for each call whose signal is aborted, in the order of `watch`. */
  constructor(onAbort: (call: Call) => void) {
    this.#onAbort = onAbort
  }

  watch(signal: AbortSignal, call: Call): void {
    let watched = this.#bySignal.get(signal)
    if (watched === undefined) {
      const calls = new Set<Call>()
      // Ending one call may end others: a call that was removed meanwhile is not visited.
      const onAbort = (): void => calls.forEach((one) => this.#onAbort(one))
      watched = { calls, onAbort }
      this.#bySignal.set(signal, watched)
      signal.addEventListener('abort', onAbort)
    }
    watched.calls.add(call)
  }

  /** The call has ended. */
  forget(signal: AbortSignal, call: Call): void {
    const watched = this.#bySignal.get(signal)
    if (watched === undefined) return
    watched.calls.delete(call)
    if (watched.calls.size > 0) return
    this.#bySignal.delete(signal)
    signal.removeEventListener('abort', watched.onAbort)
  }
}
