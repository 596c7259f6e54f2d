/** Numbers as people read them: counts, bytes and times. */

/** At most 7 characters. */
export function countLabel(value: number | undefined): string {
  if (value === undefined) return '-'
  return value < 1e6 ? value.toLocaleString('en') : scaled(value, ['M', 'G', 'T'])
}

/** At most 8 characters. */
export function bytesLabel(value: number | undefined): string {
  return value === undefined ? '-' : scaled(value * 1e3, ['kB', 'MB', 'GB', 'TB', 'PB'])
}

/** `value` / 10^6 in the first unit; each further unit is a thousand times the one before. */
function scaled(value: number, units: readonly string[]): string {
  let left = value / 1e6
  let unit = 0
  while (left >= 999.95 && unit + 1 < units.length) {
    left /= 1e3
    unit += 1
  }
  return `${left.toFixed(1)} ${units[unit]}`
}

/** Two units at most. Requires: whole seconds. */
export function durationLabel(seconds: number): string {
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600)]
  const minutes = Math.floor(seconds / 60)
  if (days > 0) return `${days} d ${hours % 24} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

/** `-` where nothing was measured. */
export function millisecondsLabel(value: number | undefined): string {
  return value === undefined || value === 0 ? '-' : `${value.toFixed(1)} ms`
}
