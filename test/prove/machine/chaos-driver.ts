/** The process of `chaos.ts` that stands inside the network: runs one plan, tells its result. */
import { runChaos } from './chaos-run.ts'
import { runAsDriver } from './drive.ts'

runAsDriver(runChaos)
