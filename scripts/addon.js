// Compiles the native addon for this machine, or says in a sentence each what is missing.
//
// node-gyp is the one that npm brings and names in `npm_config_node_gyp`. The headers that stand
// beside the running Node.js are used; only where there are none does node-gyp download them.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const output = join(root, 'build/Release/everwrite.node')
const log = join(root, 'build/addon.log')
const ERROR_LINES_MAX = 5

/** The newest change below the named files and folders, in milliseconds. */
export function newest(paths) {
  let latest = 0
  for (const path of paths) {
    const stat = statSync(path)
    const time = stat.isDirectory()
      ? newest(readdirSync(path).map((name) => join(path, name)))
      : stat.mtimeMs
    if (time > latest) latest = time
  }
  return latest
}

/**
 * Compiles the addon where its sources are newer, after a call of `onStale`; returns why it could
 * not, a sentence each.
 */
export function compileWhereStale(onStale = () => {}) {
  const sources = [join(root, 'native'), join(root, 'binding.gyp')]
  if (existsSync(output) && statSync(output).mtimeMs >= newest(sources)) return []
  onStale()
  return compile()
}

/** Compiles the addon; returns why it could not, a sentence each. */
export function compile() {
  const missing = missingTools()
  if (missing.length > 0) return missing
  const found = headers()
  // Without headers beside Node.js: those that node-gyp keeps, downloaded if need be.
  if (found === undefined && nodeGyp(['install', '--ensure']).status !== 0) return [noHeaders()]
  const { status, text } = nodeGyp([
    'rebuild',
    ...(found === undefined ? [] : [`--nodedir=${found}`]),
  ])
  if (status === 0) return []
  mkdirSync(dirname(log), { recursive: true })
  writeFileSync(log, text)
  const errors = text
    .split('\n')
    .filter((line) => /\berror\b/i.test(line) && !line.startsWith('gyp '))
  return [
    `The addon does not compile; ${log} has all that the compiler said.`,
    ...errors.slice(0, ERROR_LINES_MAX),
  ]
}

/** One sentence for each tool that is not there. */
function missingTools() {
  const { env } = process
  const missing = []
  if (env.npm_config_node_gyp === undefined) {
    missing.push('node-gyp is missing: npm brings it, so run this with npm.')
  }
  const pythons = [env.npm_config_python, env.PYTHON, 'python3', 'python']
  if (
    !pythons.some((python) =>
      runs(python, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']),
    )
  ) {
    missing.push('python3 is missing: node-gyp needs Python 3.8 or newer.')
  }
  if (!runs(env.MAKE ?? 'make', ['--version']))
    missing.push('make is missing: it runs the compiler.')
  if (!runs(env.CXX ?? 'g++', ['--version'])) {
    missing.push('g++ is missing: the addon is C++20. GCC 10 or newer, or another named by CXX.')
  }
  return missing
}

function runs(program, args) {
  return program !== undefined && spawnSync(program, args, { stdio: 'ignore' }).status === 0
}

/** The folder whose include/node has the headers, where one is known. */
function headers() {
  const folders = [process.env.npm_config_nodedir, dirname(dirname(process.execPath))]
  return folders.find(
    (folder) => folder !== undefined && existsSync(join(folder, 'include/node/node_api.h')),
  )
}

function noHeaders() {
  const place = join(dirname(dirname(process.execPath)), 'include/node')
  return (
    `The headers of Node.js are missing: they are not at ${place} and cannot be downloaded. ` +
    'Install them (Debian: libnode-dev), or name the folder above include/ in npm_config_nodedir.'
  )
}

function nodeGyp(args) {
  const script = process.env.npm_config_node_gyp
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], options)
  return { status, text: `${stdout}${stderr}` }
}
