// Compiles the addon with other flags than those of the package: for sanitizers and for coverage.
//
// The result stands in a folder of its own below build/, at the path that the loader looks for
// where EVERWRITE_PREBUILD names that folder. Its sources are all of
// native/ and native/host/.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** This process cannot do its work on this machine: says why, and ends with code 3. */
export function cannotRun(sentence) {
  console.log(`cannot run here: ${sentence}`)
  process.exit(3)
}

/** Runs one program, and ends this process where it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error !== undefined) throw result.error
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/** The folder of Node's C headers, which stands beside the running Node.js. */
function headers() {
  const folder = join(dirname(dirname(process.execPath)), 'include/node')
  if (existsSync(join(folder, 'node_api.h'))) return folder
  return cannotRun(`Node's headers are missing: no ${folder}`)
}

function sources() {
  return ['native', 'native/host'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => `${folder}/${name}`),
  )
}

/** Compiles and links with `compiler`; returns the folder to name in EVERWRITE_PREBUILD. */
export function buildVariant(name, compiler, flags) {
  const folder = join(root, 'build', name)
  const objects = join(folder, 'objects')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(objects, { recursive: true })
  mkdirSync(join(folder, 'build/Release'), { recursive: true })
  const common = ['-std=c++20', '-fPIC', '-fno-exceptions', '-fvisibility=hidden', ...flags]
  const includes = [`-I${headers()}`, `-I${join(root, 'node_modules/node-addon-api')}`]
  const defines = [
    '-DNAPI_VERSION=9',
    '-DNODE_GYP_MODULE_NAME=everwrite',
    '-DBUILDING_NODE_EXTENSION',
    '-DNAPI_DISABLE_CPP_EXCEPTIONS',
    '-DNODE_ADDON_API_ENABLE_MAYBE',
  ]
  const outputs = sources().map((source) => {
    const output = join(objects, `${source.replaceAll('/', '-')}.o`)
    run(compiler, [...common, ...defines, ...includes, '-c', source, '-o', output])
    return output
  })
  const addon = join(folder, 'build/Release/everwrite.node')
  run(compiler, ['-shared', ...common, ...outputs, '-o', addon])
  return folder
}
