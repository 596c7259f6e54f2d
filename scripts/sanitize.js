// `npm run sanitize [seconds]`: looks for memory errors and undefined behaviour in the native code.
//
// First the addon's unit tests run on an addon compiled with AddressSanitizer and UBSan. Then
// libFuzzer runs the decoders of frames and of records, 60 seconds each, starting from real ones.
// The last line counts tests, inputs and reports. Exit codes: 0 no report, 1 a report or a failed
// test, 3 where clang is missing.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildVariant, cannotRun, root, run } from './addon-variant.js'

const CLANG = 'clang++'
const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
const DEBUG = ['-O1', '-g', '-fno-omit-frame-pointer']
const REPORT = /ERROR: AddressSanitizer|runtime error:|ERROR: libFuzzer|SUMMARY: \w+Sanitizer/
const ENVIRONMENT = {
  ...process.env,
  // Node.js frees little of its own memory at its end: every leak found would be one of its own.
  ASAN_OPTIONS: 'detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
}

function runtime() {
  if (spawnSync(CLANG, ['--version']).status !== 0) {
    cannotRun('clang is missing: apt-get install clang')
  }
  const name = 'libclang_rt.asan-x86_64.so'
  const path = spawnSync(CLANG, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim()
  if (!existsSync(path)) cannotRun(`clang has no ${name}: apt-get install libclang-rt-14-dev`)
  return path
}

/** Runs one process to its end; its output is printed only where it failed. */
function outcome(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      const isGood = code === 0 && !REPORT.test(output)
      if (!isGood) console.log(output)
      resolve({ isGood, output })
    })
  })
}

/** The addon's unit tests, on the addon in `folder`. */
async function testAddon(folder, preload) {
  const tests = join(root, 'dist/test/unit/native')
  const env = { ...ENVIRONMENT, EVERWRITE_PREBUILD: folder, LD_PRELOAD: preload }
  const look = `await import('./dist/src/native/digest.js')
    console.log(process.report.getReport().sharedObjects.join())`
  const loaded = await outcome(process.execPath, ['--input-type=module', '-e', look], env)
  if (!loaded.output.includes(folder)) throw new Error(`the tests would not load ${folder}`)
  let passed = 0
  let reports = 0
  for (const name of readdirSync(tests).filter((name) => name.endsWith('.test.js'))) {
    const { isGood, output } = await outcome(process.execPath, [join(tests, name)], env)
    passed += output.match(/^ *ok /gm)?.length ?? 0
    if (!isGood) reports += 1
    console.log(`${name}: ${isGood ? 'clean' : 'FAILED'}`)
  }
  return { passed, reports }
}

/** The frames that protocol/README.md shows. */
function frameSeeds() {
  const page = readFileSync(join(root, 'protocol/README.md'), 'utf8')
  const blocks = [...page.matchAll(/^```hex\n([^`]*)\n```/gm)]
  return blocks.map(([, hex]) => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
}

/** Records of several lengths, alone and two in a row. */
async function recordSeeds() {
  const { encodeRecord, recordBytes } = await import('../dist/src/native/record.js')
  const text = (length) => Buffer.alloc(length, 'everwrite')
  const shapes = [0, 1, 9, 300].map((length) => [text(4), text(7), text(length % 20), text(length)])
  const one = (kind, at, parts) => {
    const bytes = Buffer.alloc(recordBytes(...parts.map((part) => part.length)))
    encodeRecord(bytes, 0, kind, 7, at, 1000 + kind, 900, ...parts, 1, 2)
    return bytes
  }
  const alone = shapes.map((parts, kind) => one(kind, 0, parts))
  const behind = shapes.map((parts, kind) => one(kind, alone[1].length, parts))
  return [...alone, ...behind.map((record) => Buffer.concat([alone[1], record]))]
}

async function fuzz(name, sources, seeds, seconds) {
  const folder = join(root, 'build/fuzz', name)
  const corpus = join(folder, 'corpus')
  mkdirSync(corpus, { recursive: true })
  seeds.forEach((bytes, index) => writeFileSync(join(corpus, `seed-${index}`), bytes))
  const target = join(folder, 'target')
  const flags = ['-std=c++20', ...DEBUG, '-fsanitize=fuzzer', ...SANITIZERS]
  const paths = [`fuzz/fuzz_${name}`, ...sources].map((source) => `native/${source}.cc`)
  run(CLANG, [...flags, ...paths, '-o', target])
  const limits = [`-max_total_time=${seconds}`, '-max_len=4096', '-print_final_stats=1']
  const args = [...limits, `-artifact_prefix=${folder}/`, corpus]
  const { isGood, output } = await outcome(target, args, process.env)
  const inputs = Number(/number_of_executed_units: *(\d+)/.exec(output)?.[1] ?? 0)
  console.log(`${name} decoder: ${inputs} inputs from ${seeds.length} seeds`)
  return { inputs, reports: isGood && inputs > 0 ? 0 : 1 }
}

const preload = runtime()
const seconds = Number(process.argv[2] ?? 60)
const addon = buildVariant('sanitized', CLANG, [...DEBUG, ...SANITIZERS, '-shared-libasan'])
const tests = await testAddon(addon, preload)
const records = await recordSeeds()
const fuzzed = await Promise.all([
  fuzz('frame', ['frame', 'crc32c', 'md5', 'token'], frameSeeds(), seconds),
  fuzz('record', ['record', 'crc32c', 'md5', 'token'], records, seconds),
])
const reports = tests.reports + fuzzed[0].reports + fuzzed[1].reports
const inputs = fuzzed[0].inputs + fuzzed[1].inputs
console.log(
  `${reports} reports: ${tests.passed} tests, ${inputs} fuzzed inputs in ${seconds} s each`,
)
process.exit(reports === 0 && tests.passed > 0 ? 0 : 1)
