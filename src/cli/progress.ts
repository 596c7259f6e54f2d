/**
 * Show how far long work is: a progress bar on a terminal, nothing anywhere else.
 *
 * It goes to standard error, so that standard output stays what the command is for.
 */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** `done` of the total, in the unit that the bar was made for; `counted` besides. */
  update(done: number, counted: number): void
  /** Takes the bar away until the next update: what is printed now has its own line. */
  clear(): void
  end(): void
}

/** To the beginning of the line, and nothing behind. */
const CLEAR_LINE = '\r\x1b[K'
/** The bar, when it ends, goes back to the place kept last, and clears that line. */
const KEEP_PLACE = '\x1b7'

const SILENT: Progress = {
  update: () => {},
  clear: () => {},
  end: () => {},
}

/** `total` is undefined where nobody knows: then only the `unit` is counted. */
export function progressOf(
  verb: string,
  total: number | undefined,
  unit: string = 'records',
): Progress {
  if (!process.stderr.isTTY) return SILENT
  const format =
    total === undefined
      ? `${verb} {counted} ${unit}`
      : `${verb} [{bar}] {percentage}% | {counted} ${unit} | {eta_formatted} left`
  const terminal = new SingleBar({
    format,
    stream: process.stderr,
    hideCursor: true,
    barCompleteChar: '#',
    barIncompleteChar: '.',
    clearOnComplete: true,
  })
  terminal.start(total ?? 0, 0, { counted: 0 })
  let isAway = false
  return {
    update: (done, counted) => {
      if (isAway) process.stderr.write(KEEP_PLACE)
      isAway = false
      terminal.update(done, { counted: counted.toLocaleString('en') })
    },
    clear: () => {
      isAway = true
      process.stderr.write(CLEAR_LINE)
    },
    end: () => terminal.stop(),
  }
}

/** The closing line of import and export, for people. */
export function rateOf(records: number, seconds: number): string {
  const rate = seconds > 0 ? Math.round(records / seconds) : records
  return `${seconds.toFixed(1)} s, ${rate.toLocaleString('en')} records/s`
}
