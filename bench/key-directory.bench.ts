/** The key directory beside a Map from key to place: time and memory. */
import { DIRECTORY_WORDS, KeyDirectory } from '../src/native/key-directory.ts'
import { Random } from '../test/unit/native/rivals.ts'
import { measure, sizeFrom } from './harness.ts'

const size = sizeFrom(process.argv)
const KEYS = size === 'full' ? 1_000_000 : 20_000
/** Many, so that they do not all stay in the caches. */
const FINDS = size === 'full' ? 200_000 : 1000

const chance = new Random(4)
const tokens = Uint32Array.from({ length: 2 * KEYS }, () => chance.word())
const hi = (i: number): number => tokens[2 * i] as number
const lo = (i: number): number => tokens[2 * i + 1] as number

/** What a Map would be keyed by: 16 latin1 characters a token, and a place in one number. */
const keys = Array.from({ length: KEYS }, (_, i) => `${hi(i).toString(16)}:${lo(i).toString(16)}`)
const queries = Uint32Array.from({ length: FINDS }, () => chance.below(KEYS))

const heapBefore = process.memoryUsage().heapUsed
const map = new Map<string, number>()
for (let i = 0; i < KEYS; i++) map.set(keys[i] as string, 2 ** 32 + i)
const mapBytes = process.memoryUsage().heapUsed - heapBefore

const directory = new KeyDirectory()
for (let i = 0; i < KEYS; i++) directory.insert(hi(i), lo(i), 1, i)

const out = new Uint32Array(8)
/** The tokens that are looked for, as a page of a transfer has them. */
const AT_ONCE = 100
const wanted = Uint32Array.from(Array.from(queries, (i) => [hi(i), lo(i)]).flat())
const soles = new Uint32Array(2 * AT_ONCE)
const page = new Uint32Array(1024 * DIRECTORY_WORDS)

await measure(`Key directory of ${KEYS} keys`, size, [
  {
    name: 'Map.get',
    agrees: 'find',
    operations: FINDS,
    run: () => {
      let sum = 0
      for (const i of queries) sum += (map.get(keys[i] as string) ?? 0) - 2 ** 32
      return sum
    },
  },
  {
    name: 'find',
    agrees: 'find',
    operations: FINDS,
    run: () => {
      let sum = 0
      for (const i of queries) {
        directory.find(hi(i), lo(i), out)
        sum += out[1] as number
      }
      return sum
    },
  },
  {
    name: 'soles, 100 a call',
    agrees: 'find',
    operations: FINDS,
    run: () => {
      let sum = 0
      for (let from = 0; from < wanted.length; from += 2 * AT_ONCE) {
        directory.soles(wanted, from, 2, soles)
        for (let at = 1; at < soles.length; at += 2) sum += soles[at] as number
      }
      return sum
    },
  },
  {
    name: 'replace',
    operations: FINDS,
    run: () => {
      let count = 0
      for (const i of queries) if (directory.replace(hi(i), lo(i), 1, i, 1, i)) count += 1
      return count
    },
  },
  {
    name: 'remove and insert',
    operations: FINDS,
    run: () => {
      for (const i of queries) {
        directory.remove(hi(i), lo(i), 1, i)
        directory.insert(hi(i), lo(i), 1, i)
      }
      return directory.size
    },
  },
  {
    name: 'page, an entry of 1,024',
    operations: 1024,
    run: () => directory.page(0x8000_0000, 0, page),
  },
])
console.log(`  bytes a key: ${(directory.bytes / KEYS).toFixed(2)} in the directory,`)
console.log(`  ${(mapBytes / KEYS).toFixed(0)} in the Map, and the key's string`)
