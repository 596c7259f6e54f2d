// Puts the compiled addon where the package carries it: what `npm pack` runs first.
//
//   prebuilds/linux-x64/everwrite.napi.glibc.node
//
// `node-gyp-build` reads the names: the platform, the interface (one file serves every version of
// Node.js with Node-API 9), the C library. The folder is removed after packing, so that a checkout
// never runs an addon that is older than its sources.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const isGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined
const libc = process.platform !== 'linux' ? '' : isGlibc ? '.glibc' : '.musl'
const folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`)
const file = join(folder, `everwrite.napi${libc}.node`)

rmSync(join(root, 'prebuilds'), { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
copyFileSync(join(root, 'build/Release/everwrite.node'), file)
// Names that only a debugger reads; without `strip` they stay.
spawnSync('strip', ['--strip-unneeded', file], { stdio: 'ignore' })
