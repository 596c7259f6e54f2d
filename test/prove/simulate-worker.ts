/** One process of `prove simulate`: is sent a seed, sends back what came of it. */
import { simulate } from '../../src/sim/simulate.ts'

export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly acknowledged: number
  readonly faults: number
  readonly crashesInWrites: number
  readonly deliveries: number
  readonly simulatedMs: number
  readonly cpuMs: number
  readonly digest: string
}

process.on('message', (seed) => {
  void runOne(seed as number).then((outcome) => process.send?.(outcome))
})

async function runOne(seed: number): Promise<Outcome> {
  const before = process.cpuUsage()
  const result = await simulate({ seed })
  const { user, system } = process.cpuUsage(before)
  const { violations, acknowledged, crashesInWrites, deliveries, simulatedMs, digest } = result
  const faults = [...result.faults.values()].reduce((sum, count) => sum + count, 0)
  const cpuMs = (user + system) / 1000
  return {
    seed,
    violations,
    acknowledged,
    faults,
    crashesInWrites,
    deliveries,
    simulatedMs,
    cpuMs,
    digest,
  }
}
