/**
 * An engine on a simulated disk, for the conformance suite: its power can go, its syncs can fail.
 *
 *     for (const { check } of CLAIMS) await failureOf(check, simulatedSubject(openEngine, 1))
 *
 * Only an engine that keeps its files through `directory` can be judged so: what it writes past it
 * survives every power cut.
 */
import { DIGEST_KEY, type Subject } from '../store/conformance/subject.ts'
import type { OpenEngine } from '../store/engine.ts'
import type { DiskOptions } from './disk/disk.ts'
import { SimWorld } from './world.ts'

const MACHINE = 1
const LIMIT_MS = 3_600_000
/** A sync takes 0.15 to 0.9 ms. */
const PAUSE_MS_MAX = 1

export function simulatedSubject(
  open: OpenEngine,
  seed: number,
  disk: Partial<DiskOptions> = {},
): Subject {
  const sim = new SimWorld({ seed, disk })
  const prng = sim.prng('power cuts')
  let world = sim.start(MACHINE)
  return {
    open: async () => {
      const { clock, trace } = world
      const directory = await world.disk.directory('/data')
      return open({ directory, clock, trace, digestKey: DIGEST_KEY })
    },
    complete: (promise) => sim.complete(promise, LIMIT_MS),
    faults: {
      pause: () => new Promise((resolve) => sim.after(prng.unit() * PAUSE_MS_MAX, resolve)),
      cutPower: () => {
        world = sim.restart(MACHINE)
      },
      failSync: () => sim.disk(MACHINE).arm({ call: 'sync' }),
    },
  }
}
