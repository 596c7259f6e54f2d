// Builds everything that a checkout needs: the addon, the protobuf code, the JavaScript.
//
//   node scripts/build.js           all three, each only when its inputs are newer
//   node scripts/build.js addon     the addon alone (what `npm install` runs)
//
// Nothing is downloaded: node-gyp takes the headers that stand beside the running Node.js.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const generated = join(root, 'src/wire/generated')

/** Runs one program of node_modules/.bin, and ends this process where it fails. */
function run(program, args) {
  const result = spawnSync(join(root, 'node_modules/.bin', program), args, {
    cwd: root,
    stdio: 'inherit',
  })
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/** The newest change below the named files and folders, in milliseconds. */
function newest(paths) {
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

function isStale(output, inputs) {
  return !existsSync(output) || statSync(output).mtimeMs < newest(inputs)
}

function buildAddon() {
  const output = join(root, 'build/Release/everwrite.node')
  if (!isStale(output, [join(root, 'native'), join(root, 'binding.gyp')])) return
  const prefix = dirname(dirname(process.execPath))
  const hasHeaders = existsSync(join(prefix, 'include/node/node_api.h'))
  run('node-gyp', ['rebuild', '--silent', ...(hasHeaders ? [`--nodedir=${prefix}`] : [])])
}

function buildProtocol() {
  const output = join(generated, 'messages.js')
  const sources = readdirSync(join(root, 'protocol')).filter((name) => name.endsWith('.proto'))
  const paths = sources.map((name) => join(root, 'protocol', name))
  if (!isStale(output, paths)) return
  mkdirSync(generated, { recursive: true })
  const flags = ['--no-verify', '--no-typeurl', '--no-delimited', '--no-service', '--no-create']
  run('pbjs', ['-t', 'static-module', '-w', 'esm', '--dts', ...flags, '-o', output, ...paths])
}

function buildScript() {
  run('tsc', ['-p', '.'])
  // The compiler resolves generated code by its declarations and does not copy it.
  cpSync(generated, join(root, 'dist/src/wire/generated'), { recursive: true })
  const command = join(root, 'dist/src/cli/main.js')
  if (existsSync(command)) chmodSync(command, 0o755)
}

buildAddon()
if (process.argv[2] !== 'addon') {
  buildProtocol()
  buildScript()
}
