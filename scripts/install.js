// What `npm install` runs: sees that there is an addon for this machine.
//
//   npm install                            compiles only where none is there that loads
//   npm install … --build-from-source      compiles in any case, and fails where that fails
//
// Where there is no addon the install succeeds, since a client works without it, and sentences say
// what a server lacks.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile, compileWhereStale } from './addon.js'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** Whether the package brings an addon that runs here. A checkout has none. */
function hasPrebuilt() {
  try {
    if (!existsSync(join(root, 'prebuilds'))) return false
    createRequire(import.meta.url)('node-gyp-build')(root)
    return true
  } catch {
    return false
  }
}

const asked = process.env.npm_config_build_from_source
const isAsked = asked !== undefined && asked !== '' && asked !== 'false'
const faults = isAsked ? compile() : hasPrebuilt() ? [] : compileWhereStale()
if (faults.length > 0) {
  console.error('everwrite: the native addon cannot be compiled.')
  if (!isAsked) {
    console.error('everwrite: A client works without it, more slowly. For a server put right what')
    console.error('everwrite: follows, then run `npm rebuild everwrite --build-from-source`.')
  }
  for (const fault of faults) console.error(`everwrite: ${fault}`)
  if (isAsked) process.exitCode = 1
}
