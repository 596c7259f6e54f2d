/** The work that no request waits for: begun and stopped together. */
import type { CopyId, NodeId } from '../../dynamo/names.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Hints } from '../replica/hints.ts'
import type { NamedStarts } from '../replica/named-starts.ts'
import { Departure, type DepartureDependencies } from './departure.ts'
import { Donor } from './donor.ts'
import { Mover, type MoverDependencies } from './mover.ts'
import { Takings } from './takings.ts'
import { Cleaner, type CleanerDependencies } from './cleaner.ts'
import { RangeRemoval, type RangeRemovalDependencies } from './range-removal.ts'
import { Courier, type CourierDependencies } from './courier.ts'
import { Equalities } from './equalities.ts'
import { KeyTeller } from './key-teller.ts'
import type { Work } from './pacing.ts'
import { Ranges } from './ranges.ts'
import { Repairer, type RepairerDependencies } from './repairer.ts'
import { Repairs } from './repairs.ts'
import { RoundAsks } from './round-asks.ts'
import { RoundMember } from './round-member.ts'
import { RoundOpener } from './round-opener.ts'
import { whyMoving } from './why-moving.ts'

export interface BackgroundDependencies
  extends Omit<CourierDependencies, 'mayDeliver'>,
    Omit<RepairerDependencies, 'equalities'>,
    RangeRemovalDependencies,
    Pick<MoverDependencies, 'rings' | 'directory'>,
    Pick<DepartureDependencies, 'membership'>,
    Omit<CleanerDependencies, 'removal'> {
  readonly entropy: Entropy
  readonly hints: Hints
  readonly starts: NamedStarts
  readonly roundMs: number
  readonly rememberMs: number
}

/** What this node fills and gives away. */
export interface Moves {
  /** Why the last move to it that was tried has not ended. */
  readonly obstacle: string | undefined
  /** Partitions with copies here that it neither owns nor fills. */
  readonly givesAway: number
}

/** Rounds alone wait until all starts are counted: nine tenths of the time are left to others. */
const STARTS_REST = 9

export class Background {
  readonly #node: BackgroundDependencies
  readonly repairer: Repairer
  readonly ranges: Ranges
  readonly member: RoundMember
  readonly opener: RoundOpener
  readonly roundAsks: RoundAsks
  readonly repairs: Repairs
  readonly teller: KeyTeller
  readonly #courier: Courier
  readonly removal: RangeRemoval
  readonly mover: Mover
  readonly donor: Donor
  readonly takings: Takings
  readonly #departure: Departure
  readonly #cleaner: Cleaner

  constructor(dependencies: BackgroundDependencies) {
    this.#node = dependencies
    const removal = (this.removal = new RangeRemoval(dependencies))
    this.#cleaner = new Cleaner({ ...dependencies, removal })
    const { standing } = dependencies
    const equalities = new Equalities(dependencies.topology)
    const isWhole = (): boolean => standing.isWhole
    this.ranges = new Ranges({ ...dependencies, equalities, isWhole })
    const repairer = (this.repairer = new Repairer({ ...dependencies, equalities }))
    const mayDeliver = (node: NodeId): boolean => repairer.catchUp.mayDeliver(node)
    this.#courier = new Courier({ ...dependencies, mayDeliver })
    this.repairs = new Repairs({ ...dependencies, repairer, isWhole })
    const mover = (this.mover = new Mover({ ...dependencies, equalities }))
    this.takings = new Takings((donor, scope) => mover.takeFrom(donor, scope))
    const donor = (this.donor = new Donor({ ...dependencies, isPaused: () => mover.isPaused }))
    this.#departure = new Departure(dependencies, donor)
    // A copy that is on its way has no owner that answers for it.
    const moving = (): string | undefined => whyMoving(dependencies, donor)
    const leastMs = dependencies.rememberMs / 2
    const exchange = (): void => void repairer.exchangeWithAll()
    const member = (this.member = new RoundMember({ ...dependencies, leastMs, exchange, moving }))
    repairer.onExchanged = (exchanged) => member.onExchanged(exchanged)
    const opener = (this.opener = new RoundOpener({ ...dependencies, member }))
    this.teller = new KeyTeller({ ...dependencies, equalities, opener })
    this.roundAsks = new RoundAsks({ ...dependencies, opener })
  }

  get moves(): Moves {
    return { obstacle: this.mover.obstacle, givesAway: this.donor.left }
  }

  begin(): void {
    const { trees, starts, replica, clock, pacing } = this.#node
    pacing.begin()
    this.#courier.begin()
    // Records in the page cache are read at once: others must have their turns between two pages.
    const restsOf = (work: Work) => async (): Promise<void> => {
      await work.rest()
      await new Promise<void>((resolve) => clock.soon(resolve))
    }
    const onCopy = (copy: CopyId, outline: VersionedObject): void => {
      replica.writer.notice(copy, outline)
    }
    // An engine that fails says so itself.
    void trees
      .build(restsOf(pacing.work()))
      .then(() => starts.build(onCopy, restsOf(pacing.work(STARTS_REST))))
      .catch(() => undefined)
    this.repairer.begin()
    this.opener.begin()
    this.#cleaner.begin()
    this.mover.begin()
    this.donor.begin()
    this.#departure.begin()
  }

  /** Resolves when its files are written. */
  stop(): Promise<void> {
    this.#node.pacing.stop()
    this.#courier.stop()
    this.#node.trees.stop()
    this.#node.starts.stop()
    this.repairer.stop()
    this.opener.stop()
    this.#cleaner.stop()
    const written = this.mover.stop()
    this.donor.stop()
    this.#departure.stop()
    this.roundAsks.stop()
    this.ranges.stop()
    this.repairs.stop()
    return written
  }
}
