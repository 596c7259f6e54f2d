/** All bugs that must be caught, by subject. */
import { ACKNOWLEDGING } from './acknowledging.ts'
import { CAUSALITY } from './causality.ts'
import { HONESTY } from './honesty.ts'
import { HINTS_PLANTS } from './hints.ts'
import { LOSSES } from './losses.ts'
import { MEMBERSHIP } from './membership.ts'
import type { Plant, PlantGroup } from './plant.ts'
import { QUORUM } from './quorum.ts'
import { REPAIR } from './repair.ts'
import { STORAGE } from './storage.ts'
import { STRANGERS } from './strangers.ts'
import { WIRE } from './wire.ts'

export const PLANT_GROUPS: readonly PlantGroup[] = [
  ACKNOWLEDGING,
  CAUSALITY,
  HONESTY,
  STORAGE,
  QUORUM,
  WIRE,
  STRANGERS,
  LOSSES,
  HINTS_PLANTS,
  REPAIR,
  MEMBERSHIP,
]

export const PLANTS: readonly Plant[] = PLANT_GROUPS.flatMap(({ plants }) => plants)

/** Throws where no plant has this name. */
export function plantOf(name: string): Plant {
  const plant = PLANTS.find((one) => one.name === name)
  if (plant === undefined) throw new Error(`no plant is called "${name}"`)
  return plant
}
