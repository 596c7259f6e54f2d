/** The key directory against a sorted list, and against its bound of 24 bytes a key. */
import { fail } from 'node:assert/strict'
import t from 'tap'
import { DIRECTORY_WORDS, KeyDirectory } from '../../../src/native/key-directory.ts'
import { Random } from './rivals.ts'

type Entry = readonly [hi: number, lo: number, segment: number, offset: number]

/** The same directory as one array in token order: slow and plainly right. */
class PlainDirectory {
  readonly entries: Entry[] = []

  /** The index of the first entry whose token is not before, or, `isAfter`, is behind. */
  #bound(hi: number, lo: number, isAfter: boolean): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const [otherHi, otherLo] = this.entries[middle] as Entry
      const order = otherHi - hi || otherLo - lo
      if (order < 0 || (isAfter && order === 0)) low = middle + 1
      else high = middle
    }
    return low
  }

  #indexOf([hi, lo, segment, offset]: Entry): number {
    const end = this.#bound(hi, lo, true)
    for (let i = this.#bound(hi, lo, false); i < end; i++) {
      const entry = this.entries[i] as Entry
      if (entry[2] === segment && entry[3] === offset) return i
    }
    return -1
  }

  insert(entry: Entry): void {
    this.entries.splice(this.#bound(entry[0], entry[1], true), 0, entry)
  }

  find(hi: number, lo: number): readonly Entry[] {
    return this.entries.slice(this.#bound(hi, lo, false), this.#bound(hi, lo, true))
  }

  replace(entry: Entry, segment: number, offset: number): boolean {
    const index = this.#indexOf(entry)
    if (index >= 0) this.entries[index] = [entry[0], entry[1], segment, offset]
    return index >= 0
  }

  remove(entry: Entry): boolean {
    const index = this.#indexOf(entry)
    if (index >= 0) this.entries.splice(index, 1)
    return index >= 0
  }
}

/** All entries, page by page. */
function walk(directory: KeyDirectory, pageEntries: number): Entry[] {
  const out = new Uint32Array(pageEntries * DIRECTORY_WORDS)
  const entries: Entry[] = []
  let hi = 0
  let lo = 0
  for (;;) {
    const count = directory.page(hi, lo, out)
    for (let i = 0; i < count; i++) {
      entries.push([...out.subarray(4 * i, 4 * i + 4)] as unknown as Entry)
    }
    const last = entries.at(-1)
    if (count === 0 || last === undefined) return entries
    if (last[0] === 0xffffffff && last[1] === 0xffffffff) return entries
    hi = last[1] === 0xffffffff ? last[0] + 1 : last[0]
    lo = last[1] === 0xffffffff ? 0 : last[1] + 1
  }
}

/** Tokens of several natures: spread, few, crowded at either end of one table. */
const NATURES: Record<string, (chance: Random) => readonly [number, number]> = {
  spread: (chance) => [chance.word(), chance.word()],
  few: (chance) => [chance.below(5) * 0x3fffffff, chance.below(3)],
  'at the start': (chance) => [0, chance.below(500)],
  'at the end': (chance) => [0xffffffff, 0xffffffff - chance.below(500)],
  'in one table': (chance) => [0x40000000 + chance.below(0x400000), chance.word()],
}

for (const [name, draw] of Object.entries(NATURES)) {
  t.test(`random operations agree with a sorted list: tokens ${name}`, async (t) => {
    const chance = new Random(18)
    const directory = new KeyDirectory()
    const plain = new PlainDirectory()
    const out = new Uint32Array(2 * 4000)
    for (let step = 0; step < 12_000; step++) {
      // Grows, then shrinks: removals are rarer in the first half.
      const isRemoval = chance.below(100) < (step < 6000 ? 25 : 70)
      const known = plain.entries[chance.below(plain.entries.length)]
      const [hi, lo] = draw(chance)
      const place = [chance.below(4), chance.below(1000)] as const
      const entry: Entry = known !== undefined && isRemoval ? known : [hi, lo, ...place]
      if (isRemoval) {
        if (directory.remove(...entry) !== plain.remove(entry)) fail(`remove, step ${step}`)
      } else if (chance.below(4) === 0) {
        const from = known ?? entry
        if (directory.replace(...from, ...place) !== plain.replace(from, ...place)) {
          fail(`replace, step ${step}`)
        }
      } else {
        directory.insert(...entry)
        plain.insert(entry)
      }
      const wanted = plain.find(entry[0], entry[1])
      const count = directory.find(entry[0], entry[1], out)
      const isSame = wanted.every(
        ([, , segment, offset], i) => out[2 * i] === segment && out[2 * i + 1] === offset,
      )
      if (count !== wanted.length || !isSame) fail(`find, step ${step}`)
      if (directory.size !== plain.entries.length) fail(`size, step ${step}`)
      if (step % 3000 === 0) t.same(walk(directory, 4000), plain.entries, `walk, step ${step}`)
    }
    t.same(walk(directory, 4000), plain.entries, `seed ${chance.seed}`)
    for (const entry of [...plain.entries]) directory.remove(...entry)
    t.equal(directory.size, 0)
    t.equal(directory.bytes, new KeyDirectory().bytes, 'what is empty holds no more than new')
  })
}

t.test('an entry costs at most 24 bytes from 100,000 on, growing and shrinking', async (t) => {
  const chance = new Random(19)
  const count = 450_000
  const tokens = Uint32Array.from({ length: 2 * count }, () => chance.word())
  const directory = new KeyDirectory()
  let worst = 0
  const measure = (): void => {
    if (directory.size >= 100_000) worst = Math.max(worst, directory.bytes / directory.size)
  }
  for (let i = 0; i < count; i++) {
    directory.insert(tokens[2 * i] as number, tokens[2 * i + 1] as number, 1, i)
    if (i % 1000 === 0) measure()
  }
  const grown = worst
  worst = 0
  for (let i = 0; i < count; i++) {
    if (!directory.remove(tokens[2 * i] as number, tokens[2 * i + 1] as number, 1, i)) fail(`${i}`)
    if (i % 1000 === 0) measure()
  }
  t.ok(grown > 16 && grown <= 24, `growing: ${grown.toFixed(2)} bytes an entry at the most`)
  t.ok(worst > 16 && worst <= 24, `shrinking: ${worst.toFixed(2)} bytes an entry at the most`)
  t.comment(`growing ${grown.toFixed(2)}, shrinking ${worst.toFixed(2)} bytes an entry`)
})

t.test('a page never splits a run of equal tokens, unless the run is longer than it', async (t) => {
  const directory = new KeyDirectory()
  for (let i = 0; i < 3; i++) directory.insert(1, 0, 0, i)
  for (let i = 0; i < 5; i++) directory.insert(2, 0, 0, i)
  const page = (entries: number, hi = 0): number[] => {
    const out = new Uint32Array(4 * entries)
    const count = directory.page(hi, 0, out)
    return Array.from({ length: count }, (_, i) => out[4 * i] as number)
  }
  t.same(page(8), [1, 1, 1, 2, 2, 2, 2, 2])
  t.same(page(7), [1, 1, 1], 'the second run does not fit')
  t.same(page(3), [1, 1, 1])
  t.same(page(2), [1, 1], 'a run alone is cut')
  t.same(page(4, 2), [2, 2, 2, 2])
  t.same(page(4, 3), [])
})

t.test('find gives as many as fit, and a cleared directory nothing', async (t) => {
  const directory = new KeyDirectory()
  for (let i = 0; i < 5; i++) directory.insert(7, 7, i, 10 * i)
  const out = new Uint32Array(7)
  t.equal(directory.find(7, 7, out), 3)
  t.same([...out], [0, 0, 1, 10, 2, 20, 0], 'in the order they came; half a pair is left alone')
  directory.clear()
  t.same([directory.size, directory.find(7, 7, out)], [0, 0])
  directory.insert(7, 7, 1, 2)
  t.equal(directory.find(7, 7, out), 1, 'and can be used again')
})

t.test('methods refuse what is no place, no token and no directory', async (t) => {
  const directory = new KeyDirectory()
  t.throws(() => directory.insert(0, 0, 0xffffffff, 0), RangeError, 'the segment that is none')
  t.throws(() => directory.insert(2 ** 32, 0, 0, 0), RangeError)
  t.throws(() => directory.insert(0, 0.5, 0, 0), RangeError)
  t.throws(() => directory.insert(0, -1, 0, 0), RangeError)
  t.throws(() => directory.find(0, 0, new Uint32Array(1)), RangeError)
  t.throws(() => directory.page(0, 0, new Uint32Array(3)), RangeError)
  t.throws(() => directory.find.call({} as KeyDirectory, 0, 0, new Uint32Array(2)), TypeError)
  t.throws(() => (KeyDirectory as unknown as () => void)(), TypeError)
  t.equal(directory.size, 0)
})

t.test('many entries are inserted by one call, as one by one', async (t) => {
  const [one, many] = [new KeyDirectory(), new KeyDirectory()]
  const random = new Random(11)
  const words = Uint32Array.from({ length: 4 * 500 }, () => random.word() >>> 1)
  for (let i = 0; i < 500; i++) {
    const entry = words.subarray(4 * i, 4 * i + 4)
    one.insert(...([...entry] as [number, number, number, number]))
  }
  many.insertAll(words, 400)
  t.equal(many.size, 400)
  many.insertAll(words.subarray(4 * 400), 100)
  const [a, b] = [one, many].map((directory) => {
    const out = new Uint32Array(4 * 600)
    t.equal(directory.page(0, 0, out), 500)
    return out
  })
  t.same(a, b)
  t.throws(() => many.insertAll(words, 501), RangeError)
  t.throws(() => many.insertAll(Uint32Array.of(1, 2, 0xffffffff, 0), 1), RangeError)
})

t.test('one call finds the only entries of many tokens', async (t) => {
  const directory = new KeyDirectory()
  const random = new Random(12)
  const [stride, from, count] = [5, 3, 300]
  const words = Uint32Array.from({ length: from + stride * count }, () => random.word())
  const tokenAt = (i: number): [number, number] => {
    const at = from + stride * i
    return [words[at] as number, words[at + 1] as number]
  }
  // A third has none, another one entry, and the last two; and the first has a near neighbour.
  for (let i = 0; i < count; i++) {
    for (let entry = 0; entry < i % 3; entry++) directory.insert(...tokenAt(i), 7, 8 * i + entry)
  }
  const [hi, lo] = tokenAt(0)
  directory.insert(hi, (lo ^ 1) >>> 0, 1, 0)
  const wanted = Array.from({ length: count }, (_, i) => {
    return i % 3 === 1 ? [7, 8 * i] : [0xffffffff, i % 3 === 0 ? 0 : 1]
  })
  const out = new Uint32Array(2 * count)
  directory.soles(words, from, stride, out)
  t.same([...out], wanted.flat())

  const last = new Uint32Array(2)
  directory.soles(words.subarray(0, words.length - 3), from + stride * (count - 1), stride, last)
  t.same([...last], wanted.at(-1), 'the last one needs no whole stride')
  directory.soles(words, words.length, stride, new Uint32Array(0))
  t.throws(() => directory.soles(words, from + stride, stride, out), RangeError)
  t.throws(() => directory.soles(words, words.length - 1, stride, last), RangeError)
  t.throws(() => directory.soles(words, 0, 1, last), RangeError)
  t.throws(() => directory.soles(words, 0, stride, new Uint32Array(1)), RangeError)
})
