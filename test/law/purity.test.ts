/**
 * Which files may wait, read a clock, draw at random and touch the machine. (The linter judges
 * which may import Node's modules, protobuf and the addon.)
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
    reason: 'the world gives everything outside of the process',
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

/** Prints what was not so before it ends the process. */
const ASSERTIONS = 'native/require.h'

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
    if (isWithin(path, ['native/host']) || path === ASSERTIONS) continue
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
  const planted = new Map([
    ['src/dynamo/a.ts', "// await the Date\nconst x = 'process.exit'; a.process(b.console)"],
    ['src/dynamo/b.ts', 'const x = await y'],
    ['src/node/a.ts', 'await x\nconst now = `${Date.now()}`'],
    ['src/sim/a.ts', 'Math.random()'],
    ['src/host/a.ts', 'setTimeout(f); process.exit(); Date.now(); Math.random()'],
  ])
  t.equal(wordsKeepTheirPlace(planted).length, 3)
  t.equal(bufferFilesUseIt(new Map(), { 'src/wire/a.ts': 'measured' }).length, 1)
})

t.test('native code touches nothing, and JavaScript only in its bindings', async (t) => {
  t.same(nativeTouchesNothing(tree), [])
  const planted = new Map([
    ['native/md5.cc', '// #include <thread>\n#include <napi.h>'],
    ['native/token.cc', 'void f() { printf("x"); }'],
    ['native/bind_md5.cc', '#include <napi.h>\n#include <cstdio>'],
    ['native/host/resident.cc', '#include <sys/uio.h>\n#include <thread>'],
  ])
  t.equal(nativeTouchesNothing(planted).length, 4)
})

t.test('native code keeps no state', async (t) => {
  t.same(nativeKeepsNoState(tree), [])
  const planted = `namespace everwrite {
int count = 0;
constexpr uint32_t kStart[4] = {1, 2};
const int* const kNone = nullptr;
uint32_t f(int a = 3) { int x = 0; return x; }
struct A { int x = 0; static A make(); };
void g() {
  static int calls = 0;
  static const int kZero = 0;
}
}  // namespace everwrite
`
  t.equal(nativeKeepsNoState(new Map([['native/a.cc', planted]])).length, 2)
})
