/** Finds where a plant's text stands in the code as built. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plant } from './plant.ts'

/** The top of the checkout. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
/** Searched folders, below `ROOT`, and what code in them is called. */
const SEARCHED = [
  ['dist/src', '.js'],
  ['native', '.cc'],
  ['native', '.h'],
] as const

export interface Place {
  /** Below `ROOT`. */
  readonly path: string
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Text without what formatting decides, and where each of its characters stood. */
interface Dense {
  readonly text: string
  readonly offsets: readonly number[]
}

interface Source {
  readonly path: string
  readonly text: string
  readonly dense: Dense
}

let sources: readonly Source[] | undefined

/** Throws where the text does not stand in the code exactly once. */
export function placeOf(plant: Plant): Place {
  sources ??= readSources()
  const found = sources.flatMap((source) => placesIn(source, denseOf(plant.find).text))
  const [place] = found
  if (place !== undefined && found.length === 1) return place
  throw new Error(
    `plant "${plant.name}": its text stands ${found.length} times in src and native, not once ` +
      `(${found.map(({ path }) => path).join(', ')}). The code has changed: ` +
      `bind the plant to the expression that it spoils now.\n${plant.find}`,
  )
}

/** The text of the plant's file with the bug in it. */
export function plantedText({ text, start, end }: Place, { replace }: Plant): string {
  return text.slice(0, start) + replace + text.slice(end)
}

function readSources(): readonly Source[] {
  return SEARCHED.flatMap(([folder, suffix]) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter(
        (name) => name.endsWith(suffix) && !isStale(folder, name) && !name.includes('generated'),
      )
      .map((name) => {
        const path = join(folder, name)
        const text = readFileSync(join(ROOT, path), 'utf8')
        return { path, text, dense: denseOf(text) }
      }),
  )
}

/** Compiled from a source that is no longer there. */
function isStale(folder: string, name: string): boolean {
  const source = join(ROOT, folder.replace('dist/', ''), name)
  return !existsSync(source) && !existsSync(source.replace(/\.js$/, '.ts'))
}

function denseOf(text: string): Dense {
  const offsets: number[] = []
  // Everything but white space, semicolons, and commas before a closing bracket.
  for (const { index } of text.matchAll(/[^\s;,]|,(?!\s*[)\]}])/g)) offsets.push(index)
  return { text: offsets.map((offset) => text[offset]).join(''), offsets }
}

function placesIn({ path, text, dense }: Source, find: string): readonly Place[] {
  const places: Place[] = []
  for (let at = dense.text.indexOf(find); at !== -1; at = dense.text.indexOf(find, at + 1)) {
    const start = dense.offsets[at] as number
    const end = (dense.offsets[at + find.length - 1] as number) + 1
    if (!isInsideWord(text, start) && !isInsideWord(text, end)) {
      places.push({ path, text, start, end })
    }
  }
  return places
}

/** Whether a name or number goes on across this offset. */
function isInsideWord(text: string, offset: number): boolean {
  return /^[\w$]{2}$/.test(text.slice(offset - 1, offset + 1))
}
