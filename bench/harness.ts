/**
 * Benchmarks with our defaults: each task beside its rival, and a digest of what it computed.
 *
 * Two sizes. `small` (the default, and what the test run takes) shows that a bench still runs and
 * that both sides agree; `full` (`node dist/bench/NAME.bench.js full`) measures. A task returns its
 * result, of which eight hex digits are printed: a faster wrong answer is seen at once. Rivals that
 * must agree carry one `agrees` name, and a difference is an error.
 */
import { createHash } from 'node:crypto'
import { Bench } from 'tinybench'

export type Size = 'small' | 'full'

/** What a task computed: bytes, words or a number. */
export type Result = Uint8Array | Uint32Array | number

export interface Task {
  readonly name: string
  /** Tasks of one `agrees` name must give the same result. */
  readonly agrees?: string
  /** Operations in one run: 64 for a batch of 64. */
  readonly operations?: number
  run(): Result
}

/** Milliseconds measured per task, and before that for the compiler to warm to it. */
const TIME_MS: Record<Size, readonly [time: number, warmup: number]> = {
  small: [20, 5],
  full: [1000, 250],
}

export function sizeFrom(args: readonly string[]): Size {
  return args[2] === 'full' ? 'full' : 'small'
}

/** Eight hex digits of a result. */
export function digestOf(result: Result): string {
  const bytes =
    typeof result === 'number'
      ? Buffer.from(String(result))
      : Buffer.from(result.buffer, result.byteOffset, result.byteLength)
  return createHash('sha256').update(bytes).digest('hex').slice(0, 8)
}

function checkAgreement(tasks: readonly Task[], digests: readonly string[]): void {
  for (const [i, task] of tasks.entries()) {
    const first = tasks.findIndex(({ agrees }) => agrees !== undefined && agrees === task.agrees)
    if (first >= 0 && digests[first] !== digests[i]) {
      throw new Error(`${task.name} and ${tasks[first]?.name} give different results`)
    }
  }
}

/** Measures all tasks, in turn, and prints a line for each: its rate, its time and its digest. */
export async function measure(title: string, size: Size, tasks: readonly Task[]): Promise<void> {
  const digests = tasks.map((task) => digestOf(task.run()))
  checkAgreement(tasks, digests)
  const [time, warmupTime] = TIME_MS[size]
  const bench = new Bench({ name: title, time, warmupTime, iterations: 8, warmupIterations: 4 })
  for (const task of tasks) bench.add(task.name, () => void task.run())
  await bench.run()
  console.log(`${title} (${size})`)
  for (const [i, { name, operations = 1 }] of tasks.entries()) {
    const result = bench.tasks[i]?.result
    if (result === undefined || !('latency' in result)) throw new Error(`${name} did not run`)
    const { p50, p99 } = result.latency
    const each = (p50 * 1e6) / operations
    const rate = Math.round(1e9 / each).toLocaleString('en')
    const times = `${each.toFixed(0)} ns each, p99 ${((p99 * 1e6) / operations).toFixed(0)}`
    console.log(
      `  ${name.padEnd(44)} ${rate.padStart(14)} ops/s  ${times.padEnd(30)} ${digests[i]}`,
    )
  }
}
