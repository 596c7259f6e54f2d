/**
 * Preloaded into a node (`--import`): plants one bug as the node's code is loaded.
 *
 * It shows that the checkers of the machine proofs can object. The bug is one of
 * `test/prove/plants`; its patch is applied to the module as it is loaded, so no build is copied
 * and the code that serves has no switch. A patch that does not fit ends the process.
 */
import { register } from 'node:module'
import { PLANTS } from '../plants/plants.ts'
import { PLANT_VARIABLE } from './planted-hook.ts'

const name = process.env[PLANT_VARIABLE]
const plant = PLANTS.find((one) => one.name === name)
if (plant === undefined) throw new Error(`no plant is named ${name}`)
const { file, find, replace } = plant
register('./planted-hook.js', import.meta.url, { data: { file, find, replace } })
