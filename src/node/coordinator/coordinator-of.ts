/** Makes the coordinator, with the rounds, forwards and scans that it runs. */
import type { Config } from '../../config.ts'
import { ContextSeal } from '../../dynamo/version/context-seal.ts'
import { Receipts } from '../../dynamo/version/receipt.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Teller } from '../requests.ts'
import { Coordinator } from './coordinator.ts'
import { Cursors } from './cursor.ts'
import { Forwards } from './forward.ts'
import type { GetDependencies, Gets } from './get.ts'
import { Puts } from './put.ts'
import { Scans } from './scan.ts'

/** The signing key's id, until keys are rotated. */
const FIRST_KEY_ID = 1

/** What a coordinator and its rounds share. */
interface Workers extends GetDependencies {
  readonly topology: Topology
  readonly gets: Gets
  readonly teller: Teller
  readonly roundHoldup: () => string | undefined
}

export function coordinatorOf(
  config: Config,
  workers: Omit<Workers, 'hedgeMs' | 'repairMs'>,
): Coordinator {
  const { cluster, clusterKey, forwardMs, callsMax } = config
  const keys = [{ id: FIRST_KEY_ID, key: clusterKey }]
  return new Coordinator({
    ...workers,
    seal: new ContextSeal(keys, cluster),
    receipts: new Receipts(keys, cluster),
    puts: new Puts(workers),
    forwards: new Forwards({ ...workers, forwardMs }),
    scans: new Scans({ ...workers, cursors: new Cursors(clusterKey, cluster) }),
    callsMax,
  })
}
