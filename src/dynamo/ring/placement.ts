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

/** A bucket with another N than before; one that is not named has the default. */
export interface BucketChange {
  readonly name: string
  readonly was: number
  readonly is: number
}

/** Buckets of either placement whose N differs. Where they have no records, nothing does. */
export function bucketChanges(was: Placement, is: Placement): readonly BucketChange[] {
  const names = new Set([...Object.keys(was.buckets), ...Object.keys(is.buckets)])
  return [...names].flatMap((name) => {
    const change = { name, was: was.buckets[name] ?? was.n, is: is.buckets[name] ?? is.n }
    return change.was === change.is ? [] : [change]
  })
}

/**
 * What differs between two placements, in words; empty if keys lie at the same members. A bucket
 * that `was` does not name is new, and no difference.
 */
export function differencesOf(was: Placement, is: Placement): readonly string[] {
  const changes = bucketChanges(was, is).filter(({ name }) => Object.hasOwn(was.buckets, name))
  const buckets = changes.map((one) => {
    return `n = ${one.was} of bucket ${one.name} became n = ${one.is}`
  })
  return limited([...ringDifferences(was, is), ...buckets])
}

/** The same of what concerns all buckets. */
export function ringDifferencesOf(was: Placement, is: Placement): readonly string[] {
  return limited(ringDifferences(was, is))
}

function limited(differences: readonly string[]): readonly string[] {
  const more = differences.length - TOLD_MAX
  return more > 0 ? [...differences.slice(0, TOLD_MAX), `and ${more} more`] : differences
}

function ringDifferences(was: Placement, is: Placement): readonly string[] {
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
    else if (old.weight !== member.weight) {
      differences.push(`the weight of ${name} was ${old.weight} and is ${member.weight}`)
    }
  }
  differences.push(...regrouped(before, after, 'machine'), ...regrouped(before, after, 'zone'))
  if (was.n !== is.n) differences.push(`n = ${was.n} became n = ${is.n}`)
  return differences
}

/**
 * Members that share a machine, or a zone, and did not, or the other way round. Their names do not
 * matter: a machine that is named by its address may get another one.
 */
function regrouped(
  before: ReadonlyMap<string, PlacedMember>,
  after: ReadonlyMap<string, PlacedMember>,
  what: 'machine' | 'zone',
): readonly string[] {
  const differences: string[] = []
  const names = [...after.keys()].filter((name) => before.has(name))
  for (const [i, name] of names.entries()) {
    for (const other of names.slice(i + 1)) {
      const did = isShared(before, name, other, what)
      if (isShared(after, name, other, what) === did) continue
      differences.push(`${name} and ${other} ${did ? 'no longer' : 'now'} share a ${what}`)
    }
  }
  return differences
}

function isShared(
  members: ReadonlyMap<string, PlacedMember>,
  name: string,
  other: string,
  what: 'machine' | 'zone',
): boolean {
  const place = members.get(name)?.[what] ?? ''
  return place !== '' && place === members.get(other)?.[what]
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
