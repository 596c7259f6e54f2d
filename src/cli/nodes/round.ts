/** `everwrite repair --round`: a node opens a round now, and the command says how it ended. */
import type { NodeRound, RoundProgress } from '../../client/round.ts'
import { type ConnectionOptions, millisecondsOf, withClient } from '../cluster-options.ts'
import { type EndSignal, Interrupted, onInterruption } from '../interruption.ts'
import { durationLabel } from '../labels.ts'
import { EXIT, misuse, print } from '../outcome.ts'

interface Options extends ConnectionOptions {
  readonly from?: string
  readonly node?: string
}

/** More than a minute until one may open, and than what a round takes. */
const ROUND_MS = 150_000

/** `isGiven`: the time is not the default of each answer. */
export async function openRound(
  bucket: string | undefined,
  options: Options,
  isGiven: boolean,
): Promise<void> {
  if (bucket !== undefined || options.from !== undefined) {
    throw misuse('a round is of all members and buckets: give neither a bucket nor --from')
  }
  const { node, json } = options
  const aborting = new AbortController()
  const forget = onInterruption((signal) => aborting.abort(signal))
  await withClient(options, async (client) => {
    const timeout = isGiven ? millisecondsOf(options.timeout) : ROUND_MS
    let told: string | undefined
    const onProgress = (progress: RoundProgress): void => {
      const { obstacle } = progress
      if (json === true || obstacle === undefined || progress.isAdopted) return
      const waits = obstacle.replaceAll(/\d+/g, '')
      if (waits !== told) process.stderr.write(`everwrite: waiting: ${obstacle}\n`)
      told = waits
    }
    const { signal } = aborting
    const ended = await client
      .round({ node, timeout, signal, onProgress })
      .catch((error: unknown) => {
        if (signal.aborted) throw interrupted(signal.reason as EndSignal)
        throw error
      })
    if (!ended.isAdopted) process.exitCode = EXIT.notAdopted
    await print(json === true ? `${JSON.stringify(ended)}\n` : `${sentenceOf(ended, timeout)}\n`)
  })
  forget()
}

function interrupted(signal: EndSignal): Interrupted {
  return new Interrupted(signal, 'the command was interrupted; a round that has opened goes on')
}

function sentenceOf({ isAdopted, adopted, obstacle }: RoundProgress, timeoutMs: number): string {
  if (isAdopted) return `round ${adopted} was adopted`
  const why = obstacle ?? 'one is under way'
  return `no round was adopted in ${Math.round(timeoutMs / 1000)} s: ${why}`
}

/** For `status`. */
export function roundLabel({ adopted, ageMs }: Pick<NodeRound, 'adopted' | 'ageMs'>): string {
  const age = durationLabel(Math.floor(ageMs / 1000))
  return adopted === 0 ? `none was adopted in ${age}` : `round ${adopted} was adopted ${age} ago`
}
