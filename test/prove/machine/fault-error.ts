/**
 * Fails the disk of a node: strace makes the next fdatasync, or write, of each thread end in EIO.
 *
 * From then on the node cannot know what its disk kept. It must stop acknowledging and end with
 * the code of a failure (not of a bug), and serve again after a new start.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Prng } from '../../../src/base/prng.ts'
import { EXIT } from '../../../src/cli/outcome.ts'
import { NodeSession } from '../../support/node-session.ts'
import type { Scene } from './faults.ts'
import { type Ended, nameOfNode, wordsOf } from './nodes.ts'

/** Files are written at a position, sockets are not: no other call is hit. */
const CALLS = ['fdatasync', 'pwrite64'] as const
/** It writes again at the latest when the others are back. */
const END_MS_MAX = 60_000

export async function errorOfDisk(scene: Scene, node: number, prng: Prng): Promise<boolean> {
  const { nodes, recording } = scene
  const pid = nodes.pid(node)
  const gone = nodes.expectEnd(node)
  const call = prng.pick(CALLS)
  const inject = `inject=${call}:error=EIO:when=1`
  const argv = ['-f', '-qq', '-p', `${pid}`, '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject]
  const tracer = spawn('strace', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  tracer.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const left = new Promise<void>((resolve) => {
    tracer.once('error', () => resolve())
    tracer.once('exit', () => resolve())
  })
  const ended = await within(gone, END_MS_MAX)
  const figures = ended === undefined ? await figuresOf(scene, node) : ''
  await stopTracing(tracer, left)
  const name = nameOfNode(node)
  if (ended === undefined) {
    await nodes.kill(node)
    const words = (await gone)?.lastWords ?? ''
    if (/attach/i.test(said)) return restart(scene, node, false)
    recording.violations.push(
      `${name} went on after ${call} had failed with EIO ${said}\n${figures}\n${words}`,
    )
  } else if (ended.code !== EXIT.failed) {
    recording.violations.push(`${name} met EIO of ${call}, and ${wordsOf(ended)}`)
  }
  return restart(scene, node, ended !== undefined)
}

async function restart({ nodes }: Scene, node: number, hadEffect: boolean): Promise<boolean> {
  await nodes.start(node)
  return hadEffect
}

/** What the node says of itself, if it says anything. */
async function figuresOf({ nodes }: Scene, node: number): Promise<string> {
  const { host, clientPort } = nodes.places[node] ?? { host: '', clientPort: 0 }
  try {
    const session = await NodeSession.connect({ host, port: clientPort })
    const { figures, peers } = await session.ask('status', {})
    session.close()
    const away = peers.filter((peer) => !peer.isConnected).map((peer) => peer.name)
    const told = figures.map(({ name, value }) => `${name} ${value}`).join(', ')
    return `${told}; away: ${away.join(', ')}`
  } catch (error) {
    return `it does not say how it is: ${String(error)}`
  }
}

function within(gone: Promise<Ended | undefined>, limitMs: number): Promise<Ended | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), limitMs)
    void gone.then((ended) => {
      clearTimeout(timer)
      resolve(ended)
    })
  })
}

/** It ends with what it traces; otherwise it lets go when it is interrupted. */
async function stopTracing(tracer: ChildProcess, left: Promise<void>): Promise<void> {
  if (tracer.exitCode === null && tracer.signalCode === null) tracer.kill('SIGINT')
  await left
}
