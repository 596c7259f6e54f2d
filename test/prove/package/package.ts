/**
 * The proof `package`: what `npm pack` makes installs and works in an empty project outside.
 *
 *     prebuilt      Node.js alone: three nodes, put and get by command and by library
 *     client only   the addon removed: commands and library work against those nodes, and a node
 *                   refuses to start
 *     from source   compiled at the install: three nodes, put and get again
 *
 * Before that publint and attw judge the tarball. A PATH with Node.js and npm alone stands for a
 * machine that has nothing else.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../command/running.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { PRINTED, RESOLUTIONS, SCRIPT, TYPED_SCRIPT } from './programs.ts'
import { DevNodes, type Ended, makeBarePath, makeProject, run } from './project.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/

/** Throws with all that the program said unless it ended well. */
function mustEndWell(what: string, { code, output }: Ended): string {
  if (code !== 0) throw new Error(`${what} ended with ${code}:\n${output}`)
  return output
}

function must(isTrue: boolean, what: string, output: string): void {
  if (!isTrue) throw new Error(`${what}:\n${output}`)
}

class PackageProof {
  readonly #folder: string
  readonly #barePath: string
  readonly #tarball: string
  #keys = 0

  private constructor(folder: string, tarball: string) {
    this.#folder = folder
    this.#tarball = tarball
    this.#barePath = makeBarePath(join(folder, 'bin'))
  }

  static async pack(folder: string): Promise<PackageProof> {
    const argv = ['npm', 'pack', '--pack-destination', folder]
    mustEndWell('npm pack', await run(argv, { folder: ROOT }))
    const [name] = readdirSync(folder).filter((each) => each.endsWith('.tgz'))
    return new PackageProof(folder, join(folder, name as string))
  }

  async lint(): Promise<void> {
    const bin = join(ROOT, 'node_modules/.bin')
    const publint = [join(bin, 'publint'), 'run', this.#tarball, '--strict']
    mustEndWell('publint', await run(publint, { folder: this.#folder }))
    // The package has ES modules alone: `require` and resolution before Node.js 16 are left out.
    const attw = [join(bin, 'attw'), this.#tarball, '--profile', 'esm-only']
    mustEndWell('attw', await run(attw, { folder: this.#folder }))
  }

  /** The nodes of this project, which still run. */
  async prebuilt(): Promise<DevNodes> {
    const folder = makeProject(join(this.#folder, 'prebuilt'), this.#tarball)
    await this.#install(folder, [], this.#barePath)
    const nodes = await DevNodes.start({ folder, path: this.#barePath }, await freePorts())
    try {
      await this.#use(folder, nodes.seeds)
      await this.#useTyped(folder, nodes.seeds)
      return nodes
    } catch (error) {
      await nodes.stop()
      throw error
    }
  }

  async clientOnly(seeds: string): Promise<void> {
    const folder = makeProject(join(this.#folder, 'client'), this.#tarball)
    await this.#install(folder, ['--ignore-scripts'], this.#barePath)
    rmSync(join(folder, 'node_modules/everwrite/prebuilds'), { recursive: true })
    // Neither prebuilt nor to be compiled: that is said, and is no failure.
    const rebuild = ['npm', 'rebuild', 'everwrite', '--foreground-scripts']
    const path = this.#barePath
    const told = mustEndWell('npm rebuild', await run(rebuild, { folder, path }))
    must(/A client works without it/.test(told), 'the install does not say what is missing', told)
    const asked = await run([...rebuild, '--build-from-source'], { folder, path })
    for (const tool of ['python3', 'make', 'g++']) {
      const isNamed = asked.code !== 0 && asked.output.includes(`${tool} is missing`)
      must(isNamed, `${tool} is not named`, asked.output)
    }
    const said = await this.#use(folder, seeds)
    must(said.split('EVERWRITE_ADDON').length === 2, 'it does not say once that it is slow', said)
    const dev = await run(['npx', '--no', 'everwrite', 'dev'], { folder, path })
    must(dev.code === 3 && dev.output.includes('addon-missing'), 'nodes start', dev.output)
  }

  async fromSource(): Promise<void> {
    const folder = makeProject(join(this.#folder, 'source'), this.#tarball)
    const output = await this.#install(folder, ['--build-from-source'], process.env['PATH'] ?? '')
    const home = join(folder, 'node_modules/everwrite')
    must(existsSync(join(home, 'build/Release/everwrite.node')), 'nothing was compiled', output)
    rmSync(join(home, 'prebuilds'), { recursive: true })
    const nodes = await DevNodes.start({ folder }, await freePorts())
    try {
      await this.#use(folder, nodes.seeds)
    } finally {
      await nodes.stop()
    }
  }

  async #install(folder: string, flags: readonly string[], path: string): Promise<string> {
    const ended = await run(['npm', 'install', this.#tarball, ...flags], { folder, path })
    if (ended.code !== 0 && UNREACHABLE.test(ended.output)) {
      throw new CannotRun('npm reaches no registry: configure one, or connect this machine')
    }
    const tool = /everwrite: (\S+ is missing.*)/.exec(ended.output)?.[1]
    if (ended.code !== 0 && tool !== undefined) throw new CannotRun(tool)
    return mustEndWell('npm install', ended)
  }

  /** Puts and gets by command and by library; returns what the library's program said. */
  async #use(folder: string, seeds: string): Promise<string> {
    const path = this.#barePath
    const key = this.#newKey()
    const command = (...argv: string[]): Promise<Ended> =>
      run(['npx', '--no', 'everwrite', ...argv, '--seeds', seeds], { folder, path })
    mustEndWell('put', await command('put', 'fruit', key, 'green and sour'))
    const got = mustEndWell('get', await command('get', 'fruit', key))
    must(got.includes('green and sour'), 'the command gets something else', got)
    writeFileSync(join(folder, 'use.js'), SCRIPT)
    return this.#runScript(folder, 'use.js', seeds)
  }

  /** Compiles under each resolution, strictly, declarations of the package too; runs the last. */
  async #useTyped(folder: string, seeds: string): Promise<void> {
    writeFileSync(join(folder, 'typed.ts'), TYPED_SCRIPT)
    const tsc = [process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), 'typed.ts']
    const strict = ['--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--types', '']
    for (const resolution of RESOLUTIONS) {
      const what = `tsc ${resolution.join(' ')}`
      mustEndWell(what, await run([...tsc, ...strict, ...resolution], { folder }))
      await this.#runScript(folder, 'typed.js', seeds)
    }
  }

  async #runScript(folder: string, script: string, seeds: string): Promise<string> {
    const argv = ['node', script, seeds, this.#newKey()]
    const said = mustEndWell(script, await run(argv, { folder, path: this.#barePath }))
    must(said.includes(PRINTED), `${script} prints something else`, said)
    return said
  }

  #newKey(): string {
    this.#keys += 1
    return `key-${this.#keys}`
  }
}

async function prove(): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-package-'))
  const seconds: string[] = []
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    const result = await work()
    seconds.push(`${what} ${((performance.now() - began) / 1000).toFixed(0)} s`)
    console.log(`works: ${seconds.at(-1)}`)
    return result
  }
  try {
    const proof = await PackageProof.pack(folder)
    await timed('publint and attw', () => proof.lint())
    const nodes = await timed('prebuilt', () => proof.prebuilt())
    try {
      await timed('client only', () => proof.clientOnly(nodes.seeds))
    } finally {
      await nodes.stop()
    }
    await timed('from source', () => proof.fromSource())
    return { isMet: true, figure: `3 of 3 installs work: ${seconds.join(', ')}` }
  } catch (error) {
    if (error instanceof CannotRun) throw error
    console.log((error as Error).message)
    return { isMet: false, figure: `not all installs work; so far: ${seconds.join(', ')}` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const proof: Proof = {
  name: 'package',
  shows: 'the packed package installs outside and works: prebuilt, client only, from source',
  run: prove,
}
