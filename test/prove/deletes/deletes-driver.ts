/** The process of `deletes.ts` that stands inside the network. */
import { runAsDriver } from '../machine/drive.ts'
import { runDeletes } from './deletes-run.ts'

runAsDriver(runDeletes)
