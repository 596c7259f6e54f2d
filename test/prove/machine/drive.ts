/**
 * Runs one plan in a process inside the network of namespaces, and brings its result back.
 *
 * The proof makes the network and calls `drive`; the process that it starts calls `runAsDriver`.
 * A plan and its result are plain data.
 */
import { spawn } from 'node:child_process'

type FromDriver<Result> =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'result'; readonly result: Result }
  | { readonly kind: 'failed'; readonly reason: string }

export interface DriveOptions<Plan> {
  /** Put before the command to enter the namespace. */
  readonly prefix: readonly string[]
  /** The program that calls `runAsDriver`. */
  readonly program: string
  readonly plan: Plan
  /** Gets the lines that the driver prints. */
  readonly say: (line: string) => void
}

/** Resolves to the result of the plan; rejects where it failed or its process ended before. */
export function drive<Plan extends object, Result>(options: DriveOptions<Plan>): Promise<Result> {
  const { prefix, program, plan, say } = options
  const [command, ...argv] = [...prefix, process.execPath, program] as const
  const child = spawn(command, argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return new Promise((resolve, reject) => {
    const told: { result?: Result; reason?: string } = {}
    child.on('message', (message: FromDriver<Result>) => {
      if (message.kind === 'line') say(message.line)
      else if (message.kind === 'result') told.result = message.result
      else told.reason = message.reason
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (told.result !== undefined) resolve(told.result)
      else reject(new Error(told.reason ?? `the driver ended with ${code ?? signal}`))
    })
    child.send(plan)
  })
}

/** Runs the plan that the parent sends, sends its result, and ends this process. */
export function runAsDriver<Plan, Result>(
  run: (plan: Plan, say: (line: string) => void) => Promise<Result>,
): void {
  const tell = (message: FromDriver<Result>): Promise<void> =>
    new Promise((resolve) => process.send?.(message, () => resolve()))
  process.once('message', (plan: Plan) => {
    void run(plan, (line) => void tell({ kind: 'line', line }))
      .then(
        (result) => tell({ kind: 'result', result }),
        (error: unknown) =>
          tell({
            kind: 'failed',
            reason: error instanceof Error ? `${error.stack}` : String(error),
          }),
      )
      .then(() => process.exit(0))
  })
  // The parent has ended: nodes and helpers end with their channels.
  process.once('disconnect', () => process.exit(1))
}
