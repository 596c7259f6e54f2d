/**
 * Loaded before a node's own program: collects garbage when the process that started it asks.
 *
 * The garbage in a heap depends on when it was last collected; a proof that memory does not grow
 * compares the memory after a collection.
 */
const collect = globalThis.gc
const TIMES = 4
/** Another thread returns empty pages to the system; this is long enough for it. */
const APART_MS = 250

process.on('message', (message) => {
  if (message === 'collect') again(TIMES)
})

/** Memory that a finalizer frees is free after the next collection. */
function again(times: number): void {
  collect?.()
  if (times === 0) process.send?.('collected')
  else setTimeout(again, APART_MS, times - 1)
}
