/**
 * How the model loses disks and records, and gets back what the other owners hold.
 *
 * A machine burns with all disks in it. Its nodes begin again, empty: their acknowledgements count,
 * and what they answer does not, until they have exchanged with so many other owners that one of
 * them is among the W that acknowledged any write (`src/node/background/catch-up.ts`: with all). A
 * copy that rots is
 * mended in the same way before anything is written over it (`mender.ts`); a hint that rots is
 * erased.
 */
import type { Cluster } from './cluster.ts'
import { type ModelNode, OWN, OWNERS } from './node.ts'
import { where } from './story.ts'

export class Losses {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** How many others an owner reads to get back its copy: n - w + 1, as far as they exist. */
  get #othersNeeded(): number {
    return Math.min(OWNERS - this.#cluster.needed + 1, OWNERS - 1)
  }

  /** The machine of this node burns. */
  burn({ machine }: ModelNode): void {
    for (const node of this.#cluster.nodes) {
      if (node.machine !== machine) continue
      this.#cluster.say(() => `${node.id.slice(0, 2)} loses its disk`)
      node.loseDisk()
    }
    this.#cluster.oracle.onMachineLost(machine)
  }

  /** One copy rots, and is mended from `others`, which are in the order in which to ask them. */
  rot(node: ModelNode, place: number, others: readonly ModelNode[]): void {
    const { rules } = this.#cluster
    const isMended = place === OWN && !rules.isRotIgnored
    const sources = isMended ? this.#wholeOwners(node, others, this.#othersNeeded) : []
    if (sources === undefined) return
    this.#cluster.say(() => `${where(node, place)} rots`)
    const note = rules.isLineKeptWhenMended ? node.copies[place]?.note : undefined
    node.rot(place)
    this.#readFrom(node, sources)
    const copy = node.copies[place]
    if (copy !== undefined && note !== undefined) {
      node.append({ place, copy: { object: copy.object, note } })
    }
    this.#cluster.sync(node)
    this.#cluster.oracle.onMachineLost(node.machine)
  }

  /** An emptied owner reads the others, in this order. */
  rebuild(node: ModelNode, others: readonly ModelNode[]): void {
    const needed = this.#cluster.rules.isRebuiltFromOne ? 1 : this.#othersNeeded
    const sources = this.#wholeOwners(node, others, needed)
    if (node.isWhole || sources === undefined) return
    this.#cluster.say(() => `${node.id.slice(0, 2)} reads the others`)
    this.#readFrom(node, sources)
    this.#cluster.sync(node)
    node.isWhole = true
  }

  /** The first `needed` owners that have all that they acknowledged; undefined if too few do. */
  #wholeOwners(
    besides: ModelNode,
    others: readonly ModelNode[],
    needed: number,
  ): readonly ModelNode[] | undefined {
    const { owners } = this.#cluster
    const whole = others.filter(
      (other) => other !== besides && other.isWhole && owners.includes(other.index),
    )
    return whole.length < needed ? undefined : whole.slice(0, needed)
  }

  #readFrom(node: ModelNode, sources: readonly ModelNode[]): void {
    for (const { copies } of sources) {
      const copy = copies[OWN]
      if (copy !== undefined) this.#cluster.receive(node, OWN, copy.object)
    }
  }
}
