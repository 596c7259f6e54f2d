/**
 * Runs the privileged commands of proofs (mounts, namespaces), and undoes all of them at the end.
 *
 * One helper in Python for as long as a proof runs: it mounts, cuts power and runs commands as it
 * is told over its standard input, and keeps a list of what undoes each. When its input ends, as
 * it does however this process ends, it undoes everything, the last first.
 *
 * A power cut is the ext4 shutdown ioctl without flushing the journal: from then on nothing
 * reaches the image, and what was not synced is gone after the next mount, as after a real cut.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { CannotRun } from '../proof.ts'

/** EXT4_IOC_SHUTDOWN and its flag NOLOGFLUSH, from linux/ext4. */
const HELPER = `
import ctypes, fcntl, json, os, signal, struct, subprocess, sys, time
for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)
libc = ctypes.CDLL(None, use_errno=True)
undo = []
def mount(source, target, kind, options):
    if libc.mount(source.encode(), target.encode(), kind.encode(), 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), 'mount ' + target)
def umount(target, patience=5.0):
    until = time.monotonic() + patience
    while libc.umount2(target.encode(), 0) != 0:
        code = ctypes.get_errno()
        if code == 22: return
        if time.monotonic() > until: raise OSError(code, 'umount ' + target)
        time.sleep(0.002)
def cut(*targets):
    files = [os.open(target, os.O_RDONLY) for target in targets]
    for file in files: fcntl.ioctl(file, 0x8004587d, struct.pack('I', 2))
    for file in files: os.close(file)
def run(command):
    done = subprocess.run(['sh', '-ec', command], capture_output=True, text=True)
    if done.returncode != 0: raise OSError(done.returncode, command + ': ' + done.stderr.strip())
    return done.stdout
def later(command):
    undo.append(command)
known = {'mount': mount, 'umount': umount, 'cut': cut, 'run': run, 'later': later}
for line in sys.stdin:
    name, *given = json.loads(line)
    try: answer = {'value': known[name](*given)}
    except Exception as error: answer = {'error': str(error)}
    print(json.dumps(answer), flush=True)
for command in reversed(undo):
    for _ in range(300):
        if subprocess.run(['sh', '-c', command], capture_output=True).returncode == 0: break
        time.sleep(0.1)
`

type Answer = { readonly value: string | null } | { readonly error: string }

export class Caretaker {
  readonly #child: ChildProcess
  readonly #gone: Promise<void>
  readonly #waiting: ((answer: Answer) => void)[] = []

  constructor() {
    // A group of its own: an interrupt at the terminal is not meant for it.
    this.#child = spawn('python3', ['-c', HELPER], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    })
    this.#gone = new Promise((resolve) => {
      const end = (): void => {
        for (const answer of this.#waiting.splice(0)) answer({ error: 'the helper has ended' })
        resolve()
      }
      this.#child.once('error', end)
      this.#child.once('close', end)
    })
    this.#child.stdin?.on('error', () => undefined)
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as Answer))
  }

  mount(source: string, target: string, kind: string, options: string): Promise<string> {
    return this.#ask('mount', source, target, kind, options)
  }

  /** Resolves when nothing is mounted at `target` any more; waits for who still has files open. */
  umount(target: string): Promise<string> {
    return this.#ask('umount', target)
  }

  /** Cuts the power of the file systems mounted at `targets`, one right after the other. */
  cut(targets: readonly string[]): Promise<string> {
    return this.#ask('cut', ...targets)
  }

  /** Runs a shell script; what it prints. Rejects where it fails. */
  run(script: string): Promise<string> {
    return this.#ask('run', script)
  }

  /** Has `command` run when all is over; repeated while it fails, within bounds. */
  later(command: string): Promise<string> {
    return this.#ask('later', command)
  }

  /** Undoes everything; resolves when it is undone. */
  async end(): Promise<void> {
    this.#child.stdin?.end()
    await this.#gone
  }

  #ask(...request: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push((answer) => {
        if ('error' in answer) reject(new Error(answer.error))
        else resolve(answer.value ?? '')
      })
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`)
    })
  }
}

const MEANS: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  strace: 'strace',
  losetup: 'util-linux',
  fallocate: 'util-linux',
  nsenter: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
  python3: 'python3',
}

/** Throws `CannotRun` unless this process is root and all `commands` are there. */
export async function requireMeans(caretaker: Caretaker, commands: readonly string[]) {
  if (process.getuid?.() !== 0) throw new CannotRun('only root may mount and cut: run it as root')
  for (const command of commands) {
    await caretaker.run(`command -v ${command}`).catch(() => {
      const names = [...new Set(commands.map((one) => MEANS[one] ?? one))].join(' ')
      throw new CannotRun(`${command} is missing: apt-get install ${names}`)
    })
  }
}
