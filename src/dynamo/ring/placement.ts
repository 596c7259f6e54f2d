/**
 * What decides where keys lie: members, partitions and N. Data that was written under one placement
 * is not found under another.
 */

export interface PlacedMember {
  readonly name: string
  readonly machine: string
  readonly zone: string
  readonly weight: number
}

export interface Placement {
  readonly partitions: number
  readonly members: readonly PlacedMember[]
  /** Of buckets that are not named. */
  readonly n: number
  /** N of named buckets. */
  readonly buckets: Readonly<Record<string, number>>
}

/** Differences that are told; more are counted. */
const TOLD_MAX = 5

/**
 * What differs between the placement that data was written under and another one, in words; empty
 * if keys lie where they did. A bucket that `was` does not name is new, and no difference.
 */
export function differencesOf(was: Placement, is: Placement): readonly string[] {
  const differences: string[] = []
  if (was.partitions !== is.partitions) {
    differences.push(`${was.partitions} partitions became ${is.partitions}`)
  }
  const before = new Map(was.members.map((member) => [member.name, member]))
  const after = new Map(is.members.map((member) => [member.name, member]))
  for (const name of before.keys()) if (!after.has(name)) differences.push(`${name} left`)
  for (const [name, member] of after) {
    const old = before.get(name)
    if (old === undefined) differences.push(`${name} joined`)
    else differences.push(...changesOf(old, member))
  }
  if (was.n !== is.n) differences.push(`n = ${was.n} became n = ${is.n}`)
  for (const [name, n] of Object.entries(was.buckets)) {
    const now = is.buckets[name] ?? is.n
    if (now !== n) differences.push(`n = ${n} of bucket ${name} became n = ${now}`)
  }
  const more = differences.length - TOLD_MAX
  return more > 0 ? [...differences.slice(0, TOLD_MAX), `and ${more} more`] : differences
}

function changesOf(old: PlacedMember, now: PlacedMember): readonly string[] {
  return (['machine', 'zone', 'weight'] as const)
    .filter((what) => old[what] !== now[what])
    .map((what) => `the ${what} of ${now.name} was ${label(old[what])} and is ${label(now[what])}`)
}

function label(value: string | number): string {
  return value === '' ? 'not given' : String(value)
}

/** The placement that a text states as JSON; undefined where it states none. */
export function parsePlacement(text: string): Placement | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  return isPlacement(parsed) ? parsed : undefined
}

function isPlacement(value: unknown): value is Placement {
  const { partitions, members, n, buckets } = (value ?? {}) as Partial<Placement>
  if (typeof partitions !== 'number' || typeof n !== 'number' || !Array.isArray(members))
    return false
  if (typeof buckets !== 'object' || buckets === null) return false
  return members.every(isPlaced) && Object.values(buckets).every((one) => typeof one === 'number')
}

function isPlaced(value: unknown): boolean {
  const { name, machine, zone, weight } = (value ?? {}) as Partial<PlacedMember>
  const texts = [name, machine, zone]
  return texts.every((text) => typeof text === 'string') && typeof weight === 'number'
}
