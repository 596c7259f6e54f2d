/**
 * An idle process beside the nodes: prints each pause in which the machine did not run it.
 *
 * It ends when its standard input does.
 */
const EVERY_MS = 10
const PAUSE_MS_MIN = 250

/** From and until when, in milliseconds of the system's monotonic clock. */
export interface Pause {
  readonly fromMs: number
  readonly untilMs: number
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

let last = nowMs()

function look(): void {
  const now = nowMs()
  const pause: Pause = { fromMs: last, untilMs: now }
  if (now - last - EVERY_MS > PAUSE_MS_MIN) process.stdout.write(`${JSON.stringify(pause)}\n`)
  last = now
}

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
setInterval(look, EVERY_MS)
