/**
 * Who may wait, ask the time, draw from chance, and touch the machine.
 *
 * A simulated cluster is believable because the code in it cannot tell: everything outside reaches
 * it through `src/world`. So the words that reach the machine directly stand in few places, and
 * ideas (`src/dynamo`) have none of them. For native code: no JavaScript in the algorithms, no
 * state outside of objects, no threads, and I/O below `native/host` only.
 */
import { basename } from 'node:path'
import t from 'tap'
import {
  codeOf,
  complaints,
  importsOf,
  isWithin,
  lineAt,
  readTree,
  type Tree,
  uncommented,
  within,
} from './source.ts'

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']
const CLOCKS = ['Date', 'performance', 'hrtime']
const WAITING = ['async', 'await', 'Promise']
const MACHINE = ['process', 'console', 'crypto', 'FinalizationRegistry', 'WeakRef']

interface Ban {
  /** Bare names, not members: `a.process` and `process:` are something else. */
  readonly words: readonly string[]
  readonly among: readonly string[]
  /** Files and folders that may. */
  readonly except: readonly string[]
  readonly reason: string
}

/** Files outside `src/host` that may use `Buffer`, each with what it gains. */
const BUFFER_FILES: Readonly<Record<string, string>> = {
  'src/base/bytes.ts': 'long comparisons 75 times as fast; base64url, which older Node.js lacks',
  'src/wire/frame-writer.ts': 'a block that is overwritten whole need not be filled with zeros',
}

const BANS: readonly Ban[] = [
  {
    words: [...WAITING, ...TIMERS, ...CLOCKS, ...MACHINE],
    among: ['src/dynamo'],
    except: [],
    reason: 'an idea never waits, and is handed its time and its chance',
  },
  {
    words: [...CLOCKS, 'setTimeout', 'setInterval', 'queueMicrotask'],
    among: ['src'],
    except: ['src/host', 'src/cli', 'src/dynamo'],
    reason: 'time is asked of world/clock',
  },
  {
    words: ['setImmediate'],
    among: ['src'],
    except: ['src/host', 'src/cli', 'src/sim', 'src/dynamo'],
    reason: 'time is asked of world/clock',
  },
  {
    words: ['process'],
    among: ['src'],
    except: ['src/host', 'src/native/addon.ts', 'src/cli', 'src/sim', 'src/dynamo'],
    reason: 'the process belongs to host and cli',
  },
  {
    words: ['console', 'crypto', 'FinalizationRegistry', 'WeakRef'],
    among: ['src'],
    except: ['src/host', 'src/cli', 'src/dynamo'],
    reason: 'what is outside is asked of the world',
  },
  {
    words: ['Buffer'],
    among: ['src'],
    except: ['src/host', 'src/cli', ...Object.keys(BUFFER_FILES)],
    reason: 'bytes are Uint8Array',
  },
]

/** Not after a dot, and not the name of a member or of a method being defined. */
function bare(words: readonly string[]): RegExp {
  return new RegExp(`(?<![.\\w$#]|\\.\\.\\.)(${words.join('|')})\\b(?!\\s*\\??:)(?!\\$)`, 'g')
}

function wordsKeepTheirPlace(tree: Tree): string[] {
  const wrong: string[] = []
  for (const ban of BANS) {
    const mark = bare(ban.words)
    for (const [path, text] of within(tree, ban.among, ['.ts'])) {
      if (isWithin(path, ban.except)) continue
      wrong.push(...complaints(path, codeOf(path, text), mark, (word) => `${word}: ${ban.reason}`))
    }
  }
  for (const [path, text] of within(tree, ['src'], ['.ts'])) {
    if (isWithin(path, ['src/host', 'src/cli'])) continue
    const mark = /\bMath\.random\b/g
    const sentence = (): string => 'Math.random: chance is handed down from a seed'
    wrong.push(...complaints(path, codeOf(path, text), mark, sentence))
  }
  return wrong
}

function bufferFilesUseIt(tree: Tree, files = BUFFER_FILES): string[] {
  return Object.keys(files)
    .filter((path) => !codeOf(path, tree.get(path) ?? '').includes('Buffer'))
    .map((path) => `${path}: uses no Buffer: strike it from BUFFER_FILES`)
}

interface Gate {
  readonly what: string
  readonly isIt: (specifier: string, target: string | undefined, tree: Tree) => boolean
  readonly only: readonly string[]
}

/** Our messages to protobuf and back, conversation by conversation. */
const CONVERTERS = ['convert', 'convert-client', 'convert-peer'].map((x) => `src/wire/${x}.ts`)

const GATES: readonly Gate[] = [
  {
    what: 'the machine',
    isIt: (specifier) => specifier.startsWith('node:') || BUILTINS.has(specifier),
    only: ['src/host', 'src/native/addon.ts', 'src/cli', 'src/sim'],
  },
  {
    what: 'protobuf',
    isIt: (specifier, target) =>
      specifier.startsWith('protobufjs') || (target?.startsWith('src/wire/generated/') ?? false),
    only: CONVERTERS,
  },
  {
    what: 'the compiled addon',
    isIt: (_, target) => target === 'src/native/addon.ts',
    only: ['src/native'],
  },
  {
    what: 'the native code that does I/O',
    isIt: (_, target, tree) => {
      const stem = /^src\/native\/([a-z0-9-]+)\.ts$/.exec(target ?? '')?.[1]?.replaceAll('-', '_')
      return stem !== undefined && tree.has(`native/host/${stem}.cc`)
    },
    only: ['src/host', 'src/native'],
  },
]

const BUILTINS = new Set(
  [
    'fs',
    'net',
    'os',
    'path',
    'crypto',
    'tls',
    'http',
    'timers',
    'util',
    'events',
    'stream',
  ].flatMap((name) => [name, `${name}/promises`]),
)

function gatesAreKept(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, ['src'], ['.ts'])) {
    for (const found of importsOf(path, text)) {
      const gate = GATES.find((each) => each.isIt(found.specifier, found.target, tree))
      if (gate === undefined || isWithin(path, gate.only)) continue
      wrong.push(`${path}:${found.line}: ${found.specifier}: ${gate.what} is not for this file`)
    }
  }
  return wrong
}

const BINDING = /^(?:addon\.cc|args\.h|bind_[a-z0-9_]+\.cc)$/
const SYSTEM_FOLDERS = ['sys', 'netinet', 'arpa', 'linux']
const SYSTEM_HEADERS = [
  ...['unistd.h', 'fcntl.h', 'stdio.h', 'dirent.h', 'poll.h', 'uv.h', 'time.h', 'dlfcn.h'],
  ...['cstdio', 'ctime', 'fstream', 'iostream', 'filesystem', 'chrono', 'random'],
]
const SYSTEM_CALLS = [
  ...['printf', 'fprintf', 'fopen', 'getenv', 'rand', 'srand', 'time', 'clock'],
  ...['mmap', 'pread', 'pwrite', 'socket'],
]
const MACHINE_HEADER = new RegExp(
  `#\\s*include\\s*[<"]((?:${SYSTEM_FOLDERS.join('|')})/[\\w./]+|${SYSTEM_HEADERS.join('|')})[>"]`,
  'g',
)
const MACHINE_CALL = new RegExp(`(?<![.\\w>])((?:std::)?(?:${SYSTEM_CALLS.join('|')}))\\s*\\(`, 'g')
const THREAD_HEADER =
  /#\s*include\s*[<"](thread|mutex|shared_mutex|future|condition_variable|pthread\.h)[>"]/g
const THREAD_CALL = /\b(Napi::AsyncWorker|Napi::ThreadSafeFunction|uv_queue_work|pthread_create)\b/g

function nativeTouchesNothing(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, ['native'], ['.cc', '.h'])) {
    const visible = uncommented(path, text)
    const code = codeOf(path, text)
    const add = (where: string, mark: RegExp, reason: string): void => {
      wrong.push(...complaints(path, where, mark, (found) => `${found}: ${reason}`))
    }
    add(visible, THREAD_HEADER, 'native code starts no thread and locks nothing')
    add(code, THREAD_CALL, 'native code starts no thread')
    if (isWithin(path, ['native/host'])) continue
    add(visible, MACHINE_HEADER, 'only native/host touches the machine')
    add(code, MACHINE_CALL, 'only native/host touches the machine')
    if (BINDING.test(basename(path))) continue
    add(visible, /#\s*include\s*[<"](napi\.h|node_api\.h)[>"]/g, 'only a binding knows JavaScript')
  }
  return wrong
}

/** True where a statement at file level defines something that can change. */
function isMutable(statement: string): boolean {
  const words = statement
    .replace(/\s+/g, ' ')
    .replace(/\[\[[^\]]*\]\]|alignas\([^)]*\)/g, '')
    .trim()
  if (words === '' || /^(?:using|typedef|static_assert|friend|template|namespace)\b/.test(words)) {
    return false
  }
  if (/\b(?:thread_local)\b/.test(words)) return true
  if (/\bconstexpr\b/.test(words)) return false
  if (/^(?:class|struct|union|enum)\b[^{]*$/.test(words)) return false
  if (/^(?:class|struct|union|enum)\b.*\}$/.test(words)) return false
  const declarator = words.split('=')[0] ?? ''
  if (declarator.includes('(')) return false // a function
  // Constant where the last thing said before the name is const, or no pointer follows it.
  return !/\bconst\b[^*]*$/.test(declarator.replace(/\{.*$/, ''))
}

/** Statements of one C++ file that stand outside of every function and type, with their place. */
function fileLevel(code: string): { readonly text: string; readonly at: number }[] {
  const statements: { text: string; at: number }[] = []
  let [depth, start, text] = [0, 0, '']
  for (let i = 0; i < code.length; i++) {
    const letter = code.charAt(i)
    if (depth === 0 && text.trim() === '') start = i
    if (letter === '{') {
      if (depth === 0 && /(?:\bnamespace\b[\w\s:]*|\bextern\s*"\s*")\s*$/.test(text)) {
        text = ''
        continue
      }
      depth += 1
    }
    if (depth === 0 && letter === '}') {
      text = '' // the end of a namespace
      continue
    }
    text += letter
    if (letter === '}') {
      depth -= 1
      const head = text.slice(0, text.indexOf('{'))
      const isFunction = /^[^=]*\(/.test(head.replace(/\boperator\s*[^\s\w(]+/, ''))
      if (depth === 0 && isFunction) text = ''
    }
    if (letter === ';' && depth === 0) {
      statements.push({ text: text.slice(0, -1), at: start })
      text = ''
    }
  }
  return statements
}

/** A reasonable check, not a compiler: file level statements, and `static` inside functions. */
function nativeKeepsNoState(tree: Tree): string[] {
  const wrong: string[] = []
  for (const [path, text] of within(tree, ['native'], ['.cc', '.h'])) {
    const code = codeOf(path, text)
      .replace(/^[ \t]*#(?:.*\\\n)*.*$/gm, (line) => line.replace(/[^\n]/g, ' '))
      .replace(/\bextern\s+"\s*"(?!\s*\{)/g, (found) => ' '.repeat(found.length))
    for (const { text: statement, at } of fileLevel(code)) {
      if (!isMutable(statement)) continue
      const line = lineAt(code, at)
      wrong.push(`${path}:${line}: keeps state outside of any object: ${statement.trim()}`)
    }
    const local = /^[ \t]+(static (?!inline|const\b|constexpr\b|constinit const\b)[^;({=]*[;={])/gm
    const sentence = (found: string): string => `keeps state between calls: ${found}`
    wrong.push(...complaints(path, code, local, sentence))
  }
  return wrong
}

const tree = readTree()

t.test('words that reach the machine stand where they may', async (t) => {
  t.same(wordsKeepTheirPlace(tree), [])
  t.same(bufferFilesUseIt(tree), [])
  const object = (path: string, text: string): void => {
    t.not(wordsKeepTheirPlace(new Map([[path, text]])).length, 0, `${path}: ${text}`)
  }
  for (const text of [
    'export async function get() {}',
    'const x = await y',
    'function f(): Promise<void> {}',
    'setTimeout(f, 1)',
    'const now = Date.now()',
    'const now = performance.now()',
    'const x = Math.random()',
    'process.exit(1)',
    'console.error(x)',
    'const x = `${Date.now()}`',
  ]) {
    object('src/dynamo/ring/a.ts', text)
  }
  object('src/node/a.ts', 'setImmediate(f)')
  object('src/node/a.ts', 'queueMicrotask(f)')
  object('src/store/a.ts', 'const x = new Date()')
  object('src/client/a.ts', 'process.env')
  object('src/wire/a.ts', 'Buffer.from(x)')
  object('src/sim/a.ts', 'setTimeout(f, 1)')
  object('src/sim/a.ts', 'Math.random()')
  object('src/base/a.ts', 'globalThis.x = Math.random()')
  t.equal(bufferFilesUseIt(new Map(), { 'src/wire/a.ts': 'measured' }).length, 1)
})

t.test('words that only look like it are let pass', async (t) => {
  const calm: [string, string][] = [
    ['src/dynamo/a.ts', "// await the Date\nconst x = 'process.exit' // console"],
    ['src/dynamo/b.ts', 'a.process(b.console, { process: 1 })\nconst isAsync = /async await/'],
    ['src/node/a.ts', 'await x\nclock.performance()\nconst updated = lastDate'],
    ['src/host/a.ts', 'setTimeout(f); Buffer.from(x); process.exit(); Date.now(); Math.random()'],
    ['src/sim/a.ts', 'setImmediate(f); process.cwd()'],
    ['src/cli/a.ts', 'console.log(new Date()); process.exit()'],
  ]
  for (const each of calm) t.same(wordsKeepTheirPlace(new Map([each])), [], each[0])
})

t.test('imports that need leave are made where they have it', async (t) => {
  t.same(gatesAreKept(tree), [])
  const object = (path: string, specifier: string): void => {
    const planted = new Map([
      ['native/host/resident.cc', ''],
      [path, `import { x } from '${specifier}'`],
    ])
    const wrong = gatesAreKept(planted)
    t.equal(wrong.length, 1, `${path}: ${specifier}`)
  }
  object('src/node/a.ts', 'node:fs')
  object('src/native/digest.ts', 'node:crypto')
  object('src/client/a.ts', 'net')
  object('src/wire/frame.ts', './generated/messages.js')
  object('src/wire/frame.ts', 'protobufjs/minimal.js')
  object('src/store/log/log.ts', '../../native/addon.ts')
  object('src/store/log/log.ts', '../../native/resident.ts')
  const calm = new Map([
    ['native/host/resident.cc', ''],
    ['src/wire/convert.ts', "import { everwrite } from './generated/messages.js'"],
    ['src/native/addon.ts', "import { join } from 'node:path'"],
    ['src/native/digest.ts', "import { addon } from './addon.ts'"],
    ['src/host/disk.ts', "import { x } from '../native/resident.ts'\nimport 'node:fs'"],
  ])
  t.same(gatesAreKept(calm), [])
})

t.test('native code touches nothing, and JavaScript only in its bindings', async (t) => {
  t.same(nativeTouchesNothing(tree), [])
  const object = (path: string, text: string): void => {
    t.equal(nativeTouchesNothing(new Map([[path, text]])).length, 1, `${path}: ${text}`)
  }
  object('native/md5.cc', '#include <napi.h>')
  object('native/md5.cc', '#include <sys/mman.h>')
  object('native/md5.cc', '#include <unistd.h>')
  object('native/bind_md5.cc', '#include <cstdio>')
  object('native/md5.cc', 'void f() { printf("x"); }')
  object('native/md5.cc', 'const char* home = getenv("HOME");')
  object('native/host/resident.cc', '#include <thread>')
  object('native/bind_md5.cc', 'class W : public Napi::AsyncWorker {};')
  const calm = new Map([
    ['native/bind_md5.cc', '#include <napi.h>\n#include <cstring>'],
    ['native/host/resident.cc', '#include <napi.h>\n#include <sys/uio.h>'],
    ['native/md5.cc', '// #include <napi.h>\nint x = table.time(3);'],
  ])
  t.same(nativeTouchesNothing(calm), [])
})

t.test('native code keeps no state', async (t) => {
  t.same(nativeKeepsNoState(tree), [])
  const object = (text: string): void => {
    t.equal(nativeKeepsNoState(new Map([['native/a.cc', text]])).length, 1, text)
  }
  object('namespace everwrite {\nint count = 0;\n}')
  object('namespace everwrite {\nnamespace {\nstatic uint32_t table[256];\n}\n}')
  object('std::vector<int> all;')
  object('const char* name = "x";')
  object('int x{3};')
  object('thread_local const int x = 1;')
  object('void f() {\n  static int calls = 0;\n  calls += 1;\n}')
  object('struct A { int x; } a;')
  object('extern "C" {\nint shared;\n}')
  const calm = `#include "a.h"
#define EACH(x) \\
  int x = 0;
namespace everwrite {
namespace {
constexpr uint32_t kStart[4] = {1, 2};
const int* const kNone = nullptr;
const auto kVariant = choose();
uint32_t f(int a = 3) { int x = 0; return x; }
bool operator==(A a, A b) { return true; }
struct A { int x = 0; static A make(); };
class B;
enum class C { one, two };
using D = int;
template <typename T>
T g(T t) {
  static const T kZero = 0;
  for (int i = 0; i < 3; i++) { t += i; }
  return t;
}
inline constexpr size_t kMax = 0xffff;
void h(int);
}  // namespace
}  // namespace everwrite
extern "C" int main() { return 0; }
`
  t.same(nativeKeepsNoState(new Map([['native/a.cc', calm]])), [])
})
