/** All bugs that must be caught, by subject. */
import { ACKNOWLEDGING } from './acknowledging.ts'
import { CAUSALITY } from './causality.ts'
import { HONESTY } from './honesty.ts'
import type { Plant } from './plant.ts'
import { QUORUM } from './quorum.ts'
import { STORAGE } from './storage.ts'
import { STRANGERS } from './strangers.ts'
import { WIRE } from './wire.ts'

export const PLANTS: readonly Plant[] = [
  ...ACKNOWLEDGING,
  ...CAUSALITY,
  ...HONESTY,
  ...STORAGE,
  ...QUORUM,
  ...WIRE,
  ...STRANGERS,
]
