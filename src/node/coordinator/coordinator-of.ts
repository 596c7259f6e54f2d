/** Makes the coordinator, with the rounds, forwards and scans that it runs. */
import type { Config } from '../../config.ts'
import { ContextSeal } from '../../dynamo/version/context-seal.ts'
import { Receipts } from '../../dynamo/version/receipt.ts'
import type { HeldKeys } from '../cluster/held-keys.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Teller } from '../requests.ts'
import { Coordinator } from './coordinator.ts'
import { Cursors } from './cursor.ts'
import { Forwards } from './forward.ts'
import type { GetDependencies, Gets } from './get.ts'
import { Puts } from './put.ts'
import { Scans } from './scan.ts'

/** What a coordinator and its rounds share. */
interface Workers extends GetDependencies {
  readonly topology: Topology
  readonly gets: Gets
  readonly teller: Teller
  readonly roundHoldup: () => string | undefined
}

export function coordinatorOf(
  config: Config,
  held: Pick<HeldKeys, 'inUse' | 'follow'>,
  workers: Omit<Workers, 'hedgeMs' | 'repairMs'>,
): Coordinator {
  const { cluster, forwardMs, callsMax } = config
  const seal = new ContextSeal(held.inUse, cluster)
  const receipts = new Receipts(held.inUse, cluster)
  const cursors = new Cursors(held.inUse, cluster)
  held.follow((keys) => {
    for (const one of [seal, receipts, cursors]) one.use(keys)
  })
  return new Coordinator({
    ...workers,
    seal,
    receipts,
    puts: new Puts(workers),
    forwards: new Forwards({ ...workers, forwardMs }),
    scans: new Scans({ ...workers, cursors }),
    callsMax,
  })
}
