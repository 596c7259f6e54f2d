/** `node short.js PART`: runs a part of the proof in small, in whichever build it stands. */
import { type PartName, PARTS, SHORT } from './parts.ts'

const SEED = 1
const verdict = PARTS[process.argv[2] as PartName]({ ...SHORT, seed: SEED }, () => undefined)
console.log(JSON.stringify(verdict))
