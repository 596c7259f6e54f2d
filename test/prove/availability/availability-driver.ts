/** The process of `availability.ts` that stands inside the network. */
import { runAsDriver } from '../machine/drive.ts'
import { runAvailability } from './availability-run.ts'

runAsDriver(runAvailability)
