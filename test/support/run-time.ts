/** How long this process takes for something, without most of what other processes add to it. */

/**
 * Nanoseconds that `run` takes: by the clock or in processor time of this process, whichever is
 * less. Neighbours add to the first, helper threads of the collector to the second.
 */
export function runTimeNs(run: () => void): number {
  const cpuStart = process.cpuUsage()
  const start = process.hrtime.bigint()
  run()
  const wallNs = Number(process.hrtime.bigint() - start)
  const { user, system } = process.cpuUsage(cpuStart)
  return Math.min(wallNs, (user + system) * 1000)
}
