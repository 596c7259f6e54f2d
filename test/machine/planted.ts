/**
 * Preloaded into a node (`--import`): plants one bug as the node's code is loaded.
 *
 * For the proofs of proofs: a checker that never objected may be one that cannot. The bug is one
 * of `test/plants`; its patch is applied to the module on its way from the disk, so no build is
 * copied and nothing that serves knows of it. A patch that does not fit ends the process.
 */
import { register } from 'node:module'
import { PLANTS } from '../plants/plants.ts'
import { PLANT_VARIABLE } from './planted-hook.ts'

const name = process.env[PLANT_VARIABLE]
const plant = PLANTS.find((one) => one.name === name)
if (plant === undefined) throw new Error(`no plant is named ${name}`)
const { file, find, replace } = plant
register('./planted-hook.js', import.meta.url, { data: { file, find, replace } })
