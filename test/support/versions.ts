/** Compares objects and labels dots, for tests of versions. */
import { compareDots, type Dot } from '../../src/dynamo/version/dot.ts'
import { equalValues, type Sibling, type VersionedObject } from '../../src/dynamo/version/object.ts'

export function equalObjects(a: VersionedObject, b: VersionedObject): boolean {
  if (a.siblings.length !== b.siblings.length || !a.context.equals(b.context)) return false
  return a.siblings.every((sibling, i) => equalSiblings(sibling, b.siblings[i] as Sibling))
}

function equalSiblings(a: Sibling, b: Sibling): boolean {
  if (a.requestId !== b.requestId || a.time !== b.time) return false
  if (a.dots.length !== b.dots.length) return false
  return (
    a.dots.every((dot, i) => compareDots(dot, b.dots[i] as Dot) === 0) &&
    equalValues(a.value, b.value)
  )
}

/** `node.start.opened:counter`, with four digits of each identity. */
export function dotLabel(dot: Dot): string {
  return `${dot.node.slice(0, 4)}.${dot.start.slice(0, 4)}.${dot.opened}:${dot.counter}`
}
