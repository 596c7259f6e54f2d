/**
 * Store millions of rows in columns: typed arrays that grow, lists in one array, and names stored
 * once.
 *
 * An object for each row costs hundreds of bytes and the garbage collector's time; a column costs
 * the bytes of its numbers.
 */
import { assert } from '../../base/assert.ts'

const FIRST_ROWS = 1024
/** More than any history has; a column of numbers of 32 bits can name them all. */
const ROWS_MAX = 2 ** 30

type Numbers = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array

/** A column of numbers that grows. */
export class Column<T extends Numbers> {
  #items: T
  readonly #make: (length: number) => T
  #length = 0

  constructor(make: (length: number) => T) {
    this.#make = make
    this.#items = make(FIRST_ROWS)
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#items.length) this.#grow()
    this.#items[this.#length] = value
    this.#length += 1
  }

  /** The last one, taken away; undefined where there is none. */
  pop(): number | undefined {
    if (this.#length === 0) return undefined
    this.#length -= 1
    return this.#items[this.#length]
  }

  get(row: number): number {
    return this.#items[row] as number
  }

  set(row: number, value: number): void {
    this.#items[row] = value
  }

  #grow(): void {
    assert(this.#length < ROWS_MAX, 'a column is within its bound')
    const larger = this.#make(2 * this.#length)
    larger.set(this.#items)
    this.#items = larger
  }
}

export function bytes(): Column<Uint8Array> {
  return new Column((length) => new Uint8Array(length))
}

export function counts(): Column<Uint32Array> {
  return new Column((length) => new Uint32Array(length))
}

export function integers(): Column<Int32Array> {
  return new Column((length) => new Int32Array(length))
}

export function instants(): Column<Float64Array> {
  return new Column((length) => new Float64Array(length))
}

/** A list of whole numbers for each row: `for (let i = from(row); i < to(row); i++) item(i)`. */
export class Lists {
  readonly #ends: Column<Uint32Array> = counts()
  readonly #items: Column<Int32Array> = integers()

  push(list: readonly number[]): void {
    for (const item of list) this.#items.push(item)
    this.#ends.push(this.#items.length)
  }

  from(row: number): number {
    return row === 0 ? 0 : this.#ends.get(row - 1)
  }

  to(row: number): number {
    return this.#ends.get(row)
  }

  item(index: number): number {
    return this.#items.get(index)
  }

  of(row: number): readonly number[] {
    const from = this.from(row)
    return Array.from({ length: this.to(row) - from }, (_, i) => this.item(from + i))
  }
}

/** Names numbered from zero in the order in which they first came. */
export class Names {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  get length(): number {
    return this.#names.length
  }

  /** The number of this name, which is now known. */
  add(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.#names.length)
    return this.#names.push(name) - 1
  }

  find(name: string): number | undefined {
    return this.#numbers.get(name)
  }

  at(number: number): string {
    return this.#names[number] as string
  }
}
