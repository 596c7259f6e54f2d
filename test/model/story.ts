/** Tells copies and objects of the model in short, for people. */
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import { dotLabel } from '../support/versions.ts'
import { type ModelNode, OWN } from './node.ts'
import { valueOf } from './oracle.ts'

export function where(node: ModelNode, place: number): string {
  return `${node.id.slice(0, 2)}${place === OWN ? '' : `(hint for a${node.memberAt(place)})`}`
}

export function tell(object: VersionedObject): string {
  const siblings = object.siblings.map(
    ({ requestId, dots, value }) =>
      `${value === undefined ? '†' : ''}v${valueOf(requestId)}{${dots.map(dotLabel).join(' ')}}`,
  )
  const ranges = object.context.ranges.map(
    (r) => `${dotLabel({ ...r, counter: r.first })}..${r.last}`,
  )
  const requests = object.context.requests.map((request) => `v${valueOf(request)}*`)
  return `[${siblings.join(', ')} | ${[...ranges, ...requests].join(' ')}]`
}

export function told(object: VersionedObject | undefined): string {
  return object === undefined ? 'nothing' : tell(object)
}
