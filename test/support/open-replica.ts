/** What a replica is told that owns every key. */
export const ALWAYS_OPEN = {
  isOpen: (): boolean => true,
  isOpenRange: (): boolean => true,
}
