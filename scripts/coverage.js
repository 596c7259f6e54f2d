// `npm run coverage`: which lines the tests of `npm run check` run, in TypeScript and in C++.
//
// tap measures TypeScript, and gcov an addon that g++ compiled to count. One row a folder, then the
// two sums. A figure to look at, not a bar: no line is tested because it was run.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildVariant, cannotRun, root, run } from './addon-variant.js'

/** Adds `total` lines, of which `covered` were run, to the row of `folder`. */
function add(rows, folder, total, covered) {
  const row = rows.get(folder) ?? { total: 0, covered: 0 }
  rows.set(folder, { total: row.total + total, covered: row.covered + covered })
}

function print(name, { total, covered }) {
  console.log(
    `${name.padEnd(20)} ${((100 * covered) / total).toFixed(1).padStart(5)} % of ${total}`,
  )
}

function report(language, rows) {
  const sum = { total: 0, covered: 0 }
  for (const [folder, row] of [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    print(folder, row)
    sum.total += row.total
    sum.covered += row.covered
  }
  print(language, sum)
}

/** True where a file of types alone leaves nothing to run. */
function isEmpty(path) {
  const compiled = readFileSync(join(root, 'dist', path.replace(/\.ts$/, '.js')), 'utf8')
  return compiled.replaceAll(/\/\*[^]*?\*\/|\/\/.*|export \{\};|\s/g, '') === ''
}

/** A file that no test loads is not in tap's summary: all of its lines count as not run. */
function scriptRows() {
  const rows = new Map()
  const summary = JSON.parse(readFileSync(join(root, '.tap/report/coverage-summary.json'), 'utf8'))
  for (const name of readdirSync(join(root, 'src'), { recursive: true }).toSorted()) {
    const path = join('src', name)
    if (!path.endsWith('.ts') || path.includes('/generated/') || isEmpty(path)) continue
    const lines = summary[join(root, path)]?.lines ?? {
      total: readFileSync(join(root, path), 'utf8').split('\n').length - 1,
      covered: 0,
    }
    const folder = path.split('/').slice(0, 2).join('/')
    add(rows, folder.endsWith('.ts') ? 'src/*.ts' : folder, lines.total, lines.covered)
  }
  return rows
}

function nativeRows(folder) {
  const objects = join(folder, 'objects')
  const counts = readdirSync(objects).filter((name) => name.endsWith('.gcda'))
  const { stdout } = spawnSync('gcov', ['-n', '-r', '-s', root, '-o', objects, ...counts], {
    cwd: root,
    encoding: 'utf8',
  })
  const rows = new Map()
  const files = /File '(native(?:\/host)?)\/\w+\.cc'\nLines executed:([\d.]+)% of (\d+)/g
  for (const [, place, percent, total] of stdout.matchAll(files)) {
    add(rows, place, Number(total), (Number(percent) * Number(total)) / 100)
  }
  return rows
}

if (spawnSync('g++', ['--version']).status !== 0) cannotRun('g++ is missing: apt-get install g++')
if (spawnSync('gcov', ['--version']).status !== 0) cannotRun('gcov is missing: apt-get install gcc')
const folder = buildVariant('coverage', 'g++', ['-O0', '--coverage'])
const measure = ['--no-disable-coverage', '--coverage-report=json-summary']
const quiet = ['--reporter=terse', '--allow-incomplete-coverage']
run(join(root, 'node_modules/.bin/tap'), ['run', ...measure, ...quiet, 'dist/test/check.js'], {
  env: { ...process.env, EVERWRITE_PREBUILD: folder },
})
report('TypeScript', scriptRows())
report('C++', nativeRows(folder))
