/** The loader's side of `planted.ts`: replaces one piece of text in one module. */
import type { LoadHook } from 'node:module'

interface Patch {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** Names the plant, in the environment of a node. */
export const PLANT_VARIABLE = 'MACHINE_PLANT'

const patches: Patch[] = []

export function initialize(patch: Patch): void {
  patches.push(patch)
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  for (const { file, find, replace } of patches) {
    if (!url.endsWith(`/src/${file}`)) continue
    const source = loaded.source ?? ''
    const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
    const count = text.split(find).length - 1
    if (count !== 1) throw new Error(`a plant's text stands ${count} times in ${file}, not once`)
    return { ...loaded, source: text.replace(find, () => replace) }
  }
  return loaded
}
