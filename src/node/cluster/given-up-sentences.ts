/** What a plan gives up, in sentences for its operator, each with a change that would avoid it. */
import { unreachable } from '../../base/assert.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Change, GivenUp } from '../../dynamo/ring/given-up.ts'

export function givenUpSentence(
  { what, count, change }: GivenUp,
  nameOf: (id: NodeId) => string,
): string {
  const cure = change === undefined ? '' : `: ${cureOf(change, nameOf)}`
  switch (what) {
    case 'moves':
      return `${count} replicas move more than the least that must${cure}`
    case 'balance':
      return `${count} replicas are held beyond the members' shares${cure}`
    case 'zones':
      return `${count} partitions lie in fewer zones than there are${cure}`
    default:
      return unreachable(what)
  }
}

function cureOf(change: Change, nameOf: (id: NodeId) => string): string {
  switch (change.kind) {
    case 'weight':
      return `give ${nameOf(change.member)} a weight of at most ${rounded(change.atMost)}`
    case 'own-machine':
      return `move ${nameOf(change.member)} to a machine of its own`
    case 'zone': {
      const where = change.zone === '' ? 'the lightest zone' : `zone ${change.zone}`
      return `add members with a weight of ${rounded(change.weight)} in ${where}`
    }
    case 'machines':
      return `add members on ${change.count} more ${change.count === 1 ? 'machine' : 'machines'}`
    case 'one-zone':
      return `let all members of the machine ${change.machine} state one zone`
    default:
      return unreachable(change)
  }
}

/** Downwards, to two digits behind the point, or to two digits where it is small. */
function rounded(value: number): string {
  const digits = value >= 0.1 || value <= 0 ? 2 : 1 - Math.floor(Math.log10(value))
  const unit = 10 ** -digits
  return (Math.floor(value / unit + 1e-9) * unit).toFixed(digits).replace(/\.?0+$/, '')
}
