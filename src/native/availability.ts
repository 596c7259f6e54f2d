/** Checks that the addon is loaded, before work that needs it. */
import { addonFault } from './addon.ts'
import { addonMissing } from './portable/portable.ts'

/** Throws `addon-missing`, with the reason and the remedy, where the addon is not loaded. */
export function requireAddon(): void {
  if (addonFault !== undefined) throw addonMissing(addonFault)
}
