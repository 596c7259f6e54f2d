/** `node run-part.js PART full|short SEED`: runs a part, in whichever build this file stands. */
import { FULL, type PartName, PARTS, SHORT } from './parts.ts'

const [part, size, seed] = process.argv.slice(2)
const scale = { ...(size === 'full' ? FULL : SHORT), seed: Number(seed) }
const verdict = PARTS[part as PartName](scale, (line) => console.error(line))
console.log(JSON.stringify(verdict))
