/** The process of `convergence.ts` that stands inside the network. */
import { runAsDriver } from '../machine/drive.ts'
import { runConvergence } from './convergence-run.ts'

runAsDriver(runConvergence)
