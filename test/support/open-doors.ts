/** What a replica is told that owns every key. */
export const OPEN_DOORS = {
  isOpen: (): boolean => true,
  isOpenRange: (): boolean => true,
}
