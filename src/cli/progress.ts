/**
 * Show how far long work is: a bar on a terminal, nothing anywhere else.
 *
 * It goes to standard error, so that standard output stays what the command is for.
 */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** `done` of the total, in the unit that the bar was made for; `records` besides. */
  update(done: number, records: number): void
  end(): void
}

const SILENT: Progress = {
  update: () => {},
  end: () => {},
}

/** `total` is undefined where nobody knows: then only the records are counted. */
export function progressOf(verb: string, total: number | undefined): Progress {
  if (!process.stderr.isTTY) return SILENT
  const format =
    total === undefined
      ? `${verb} {records} records`
      : `${verb} [{bar}] {percentage}% | {records} records | {eta_formatted} left`
  const bar = new SingleBar({
    format,
    stream: process.stderr,
    hideCursor: true,
    barCompleteChar: '#',
    barIncompleteChar: '.',
    clearOnComplete: true,
  })
  bar.start(total ?? 0, 0, { records: 0 })
  return {
    update: (done, records) => bar.update(done, { records: records.toLocaleString('en') }),
    end: () => bar.stop(),
  }
}

/** The closing line of import and export, for people. */
export function rateOf(records: number, seconds: number): string {
  const rate = seconds > 0 ? Math.round(records / seconds) : records
  return `${seconds.toFixed(1)} s, ${rate.toLocaleString('en')} records/s`
}
