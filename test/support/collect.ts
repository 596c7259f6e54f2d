/**
 * Loaded before a node's own program: collects garbage when the process that started it asks.
 *
 * What a heap holds that nobody needs any more depends on when it was last looked at; a proof that
 * memory does not grow compares what is left after.
 */
const collect = globalThis.gc
const TIMES = 4
/** Pages that hold nothing are given back by another thread, in its own time. */
const APART_MS = 250

process.on('message', (message) => {
  if (message === 'collect') again(TIMES)
})

/** What ends by a finalizer is free at the next time. */
function again(times: number): void {
  collect?.()
  if (times === 0) process.send?.('collected')
  else setTimeout(again, APART_MS, times - 1)
}
