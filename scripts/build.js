// Builds everything that a checkout needs: the addon, the protobuf code, the JavaScript.
//
// Each is built only when its inputs are newer. Run it with npm: `npm run build`.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileWhereStale, newest } from './addon.js'

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

function isStale(output, inputs) {
  return !existsSync(output) || statSync(output).mtimeMs < newest(inputs)
}

/** What takes long is said, for people who wait for it. */
function say(sentence) {
  console.error(`everwrite: ${sentence}`)
}

function buildAddon() {
  const faults = compileWhereStale(() => say('compiling the addon: half a minute to two minutes'))
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exit(1)
}

function buildProtocol() {
  const output = join(generated, 'messages.js')
  const sources = readdirSync(join(root, 'protocol')).filter((name) => name.endsWith('.proto'))
  const paths = sources.map((name) => join(root, 'protocol', name))
  if (!isStale(output, [...paths, fileURLToPath(import.meta.url)])) return
  mkdirSync(generated, { recursive: true })
  const without = ['verify', 'typeurl', 'delimited', 'service', 'create', 'convert']
  const flags = ['--dts', ...without.map((part) => `--no-${part}`)]
  run('pbjs', ['-t', 'static-module', '-w', 'esm', ...flags, '-o', output, ...paths])
}

/** Removes what was compiled from files that are gone: tests would run it, the package carry it. */
function removeStale(...folders) {
  for (const folder of folders) {
    const compiled = join(root, 'dist', folder)
    if (!existsSync(compiled)) continue
    for (const path of readdirSync(compiled, { recursive: true })) {
      const source = join(root, folder, path.replace(/\.js$/, '.ts'))
      const isGone = path.endsWith('.js') && !existsSync(source) && !path.includes('generated')
      if (!isGone) continue
      for (const end of ['.js', '.js.map', '.d.ts']) {
        rmSync(join(compiled, path.replace(/\.js$/, end)), { force: true })
      }
    }
  }
}

function buildScript() {
  removeStale('src', 'test', 'bench')
  if (!existsSync(join(root, 'dist/src'))) say('compiling the JavaScript: about ten seconds')
  run('tsc', ['-p', '.'])
  // The compiler resolves generated code by its declarations and does not copy it.
  cpSync(generated, join(root, 'dist/src/wire/generated'), { recursive: true })
  const command = join(root, 'dist/src/cli/main.js')
  if (existsSync(command)) chmodSync(command, 0o755)
}

buildAddon()
buildProtocol()
buildScript()
