/**
 * Show the progress of long work: a progress bar on a terminal, nothing anywhere else.
 *
 * It goes to standard error, so that standard output stays what the command is for.
 */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** `done` of the total, in the unit that the total is in; `counted` besides. */
  update(done: number, counted: number): void
  /** Hides the progress until the next update, so that other output has its own row. */
  clear(): void
  end(): void
}

/** To the beginning of the line, and nothing behind. */
const CLEAR_LINE = '\r\x1b[K'
/** Saves the cursor's place: when it ends, the progress bar returns there and clears the row. */
const KEEP_PLACE = '\x1b7'

/** So that all of a row fits 80 columns. */
const BAR_CHARS = 20

const SILENT: Progress = {
  update: () => {},
  clear: () => {},
  end: () => {},
}

/** A time as the progress bar gives it, in seconds; its words for an unknown one are no numbers. */
function timeLabel(seconds: unknown): string {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return 'unknown time'
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `total` is undefined where it is unknown: then only the `unit` is counted. */
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
    formatTime: timeLabel,
    barsize: BAR_CHARS,
    stream: process.stderr,
    hideCursor: true,
    barCompleteChar: '#',
    barIncompleteChar: '.',
    clearOnComplete: true,
  })
  terminal.start(total ?? 0, 0, { counted: 0 })
  // The cursor is hidden: it is shown again however the process ends.
  const end = (): void => {
    process.off('exit', end)
    terminal.stop()
  }
  process.on('exit', end)
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
    end,
  }
}

/** A count of records, for people. */
export function recordsLabel(records: number): string {
  return records === 1 ? '1 record' : `${records.toLocaleString('en')} records`
}

/** The closing line of import and export, for people. */
export function rateOf(records: number, seconds: number): string {
  const rate = seconds > 0 ? Math.round(records / seconds) : records
  return `${seconds.toFixed(1)} s, ${rate.toLocaleString('en')} records/s`
}
