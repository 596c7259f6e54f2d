/** The work that no request waits for: begun and stopped together. */
import type { Hints } from '../replica/hints.ts'
import { Courier } from './courier.ts'
import { Rebuilder, type RebuilderDependencies } from './rebuilder.ts'
import { Repairer, type RepairerDependencies } from './repairer.ts'

export type BackgroundDependencies = RebuilderDependencies &
  Omit<RepairerDependencies, 'isWhole'> & { readonly hints: Hints }

export class Background {
  readonly #node: BackgroundDependencies
  readonly rebuilder: Rebuilder
  readonly #courier: Courier
  readonly #repairer: Repairer

  constructor(dependencies: BackgroundDependencies) {
    const { standing } = dependencies
    this.#node = dependencies
    this.rebuilder = new Rebuilder(dependencies)
    this.#courier = new Courier(dependencies)
    this.#repairer = new Repairer({ ...dependencies, isWhole: () => standing.isWhole })
  }

  begin(): void {
    this.rebuilder.begin()
    this.#courier.begin()
    // An engine that fails says so itself.
    void this.#node.trees.build().catch(() => undefined)
    this.#repairer.begin()
  }

  stop(): void {
    this.rebuilder.stop()
    this.#courier.stop()
    this.#node.trees.stop()
    this.#repairer.stop()
  }
}
