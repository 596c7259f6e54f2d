/**
 * The two implementations of the world, for tests that hold for both.
 *
 * What takes time is written as a promise and handed to `done`: the simulated place lets virtual
 * time pass until it settles, the host waits. No test here sleeps in the simulated place.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostWorld } from '../../../src/host/world.ts'
import { SimWorld } from '../../../src/sim/index.ts'
import type { World } from '../../../src/world/world.ts'

export interface Place {
  readonly name: string
  /** Two nodes that can reach one another. */
  readonly worlds: readonly [World, World]
  /** The host to listen on, for each. */
  readonly hosts: readonly [string, string]
  /** A directory on the first one's disk that does not exist yet. */
  readonly path: string
  /** Lets time pass until the promise settles. */
  done<Value>(promise: Promise<Value>): Promise<Value>
  end(): Promise<void>
}

export function simulated(seed = 1): Place {
  const sim = new SimWorld({ seed })
  return {
    name: 'simulated',
    worlds: [sim.start(0), sim.start(1)],
    hosts: [sim.hostOf(0), sim.hostOf(1)],
    path: '/data/a',
    done: (promise) => sim.complete(promise),
    end: async () => undefined,
  }
}

export async function real(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'everwrite-world-'))
  const worlds = [hostWorld(), hostWorld()] as const
  return {
    name: 'host',
    worlds,
    hosts: ['127.0.0.1', '127.0.0.1'],
    path: join(root, 'data/a'),
    done: (promise) => promise,
    end: () => rm(root, { recursive: true }),
  }
}

/** Both, made anew for each test. */
export const PLACES: readonly (() => Promise<Place>)[] = [async () => simulated(), real]
