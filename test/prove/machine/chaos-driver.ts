/** The process of `chaos.ts` that stands inside the network: runs one plan, tells its result. */
import { type ChaosPlan, type ChaosResult, runChaos } from './chaos-run.ts'

export type FromDriver =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'result'; readonly result: ChaosResult }
  | { readonly kind: 'failed'; readonly reason: string }

function tell(message: FromDriver): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()))
}

process.once('message', (plan: ChaosPlan) => {
  void runChaos(plan, (line) => void tell({ kind: 'line', line }))
    .then(
      (result) => tell({ kind: 'result', result }),
      (error: unknown) =>
        tell({ kind: 'failed', reason: error instanceof Error ? `${error.stack}` : String(error) }),
    )
    .then(() => process.exit(0))
})
// The parent has ended: nodes and helpers end with their channels.
process.once('disconnect', () => process.exit(1))
