/**
 * Loads the addon, once; if it cannot be loaded, a client uses plain TypeScript instead.
 *
 * The file is build/Release/everwrite.node, compiled here, or else the one under prebuilds/ that is
 * for this platform; both below the root of the package, the nearest folder above with a
 * package.json, so it is found from dist/ and from the source. A file built from other sources is
 * refused by its `abi` number: with another signature it would return wrong results, not errors.
 *
 * Only the wrappers in this folder import it.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ABI, type Addon } from './contract.ts'
import { portableAddon } from './portable/portable.ts'

interface Loaded {
  readonly addon: Addon
  /** Why `addon` is not the native one. */
  readonly fault?: string
}

/** `node-gyp-build` has no types of its own. */
interface NodeGypBuild {
  /** The path of the addon below `root`; throws where there is none for this platform. */
  resolve(root: string): string
}

const require = createRequire(import.meta.url)

/** The nearest folder at or above `from` that has a package.json. */
function packageRoot(from: string): string {
  let folder = from
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) throw new Error(`no package.json at or above ${from}`)
    folder = above
  }
  return folder
}

/** The path of the addon for this platform. EVERWRITE_PREBUILD names another root to look in. */
export function findAddon(): string {
  const nodeGypBuild = require('node-gyp-build') as NodeGypBuild
  const root = packageRoot(dirname(fileURLToPath(import.meta.url)))
  try {
    return nodeGypBuild.resolve(root)
  } catch {
    throw new Error(`there is none for ${process.platform}-${process.arch}`)
  }
}

/** Loads one compiled file, and refuses one that was built from other sources. */
export function loadAddon(path: string): Addon {
  const addon = require(path) as Addon
  if (addon.abi !== ABI) throw new Error(`${path} is of abi ${addon.abi}, this code wants ${ABI}`)
  return addon
}

function load(): Loaded {
  try {
    return { addon: loadAddon(findAddon()) }
  } catch (error) {
    const [reason] = (error as Error).message.split('\n')
    const fault = `it cannot be loaded here (${reason})`
    process.emitWarning(
      `the native addon is not used, and ${fault}: a client works, more slowly; a server does not`,
      { code: 'EVERWRITE_ADDON' },
    )
    return { addon: portableAddon(fault), fault }
  }
}

const loaded = load()

export const addon: Addon = loaded.addon

/** Why plain TypeScript is used in place of the addon; undefined if the addon is loaded. */
export const addonFault: string | undefined = loaded.fault
