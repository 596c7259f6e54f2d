/** Tables for people: no borders, so that eight columns fit 80 characters. */
import Table from 'cli-table3'

/** The first `textColumns` columns are text, the others numbers. */
export function tableOf(head: readonly string[], textColumns: number, rows: string[][]): string {
  const table = new Table({
    head: [...head],
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, i) => (i < textColumns ? 'left' : 'right')),
  })
  table.push(...rows)
  return table.toString().replace(/ +$/gm, '')
}

const NO_BORDERS = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '' },
  middle: '  ',
}
