/**
 * A process with some of the clients that update sets. It tells what they did when it is asked, and
 * ends after it was told to stop.
 *
 * Arguments: the number of the first client, how many there are, then the seeds.
 */
import { Prng } from '../../../src/base/prng.ts'
import { connect } from '../../../src/index.ts'
import { sleep } from '../machine/faults.ts'
import { type Notes, Updater } from './updater.ts'

const CONNECT_MS = 60_000
/** The last update of each client has so long. */
const LAST_MS_MAX = 20_000
/** Changes what clients do, and when; timing differs in each run all the same. */
const SEED = 1

export type Ask = 'tell' | 'stop'

const [first = '0', count = '0', ...seeds] = process.argv.slice(2)
const notes: Notes = {
  ...{ acknowledged: {}, failures: {}, delays: [] },
  ...{ updates: 0, longestUpdateMs: 0, staleGets: 0 },
}
const ids = Array.from({ length: Number(count) }, (_, i) => Number(first) + i)
const clients = await Promise.all(ids.map(() => connect({ seeds, connectTimeout: CONNECT_MS })))
const updaters = ids.map((id, i) => {
  const client = clients[i] as (typeof clients)[number]
  return new Updater(id, client, Prng.of(SEED, `client ${id}`), notes)
})
const runs = Promise.all(updaters.map((one) => one.run()))

async function stop(): Promise<void> {
  for (const one of updaters) one.stop()
  await Promise.race([runs, sleep(LAST_MS_MAX)])
  for (const one of updaters) one.giveUp()
  process.send?.(notes, () => process.exit(0))
}

process.on('message', (ask: Ask) => {
  if (ask === 'stop') void stop()
  else process.send?.(notes)
})
process.on('disconnect', () => process.exit(1))
process.send?.('ready')
await runs
