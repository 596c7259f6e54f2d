/** Operators at the nodes of a small simulated cluster. */
import { isOperatingError } from '../../../../src/base/errors.ts'
import type { Client } from '../../../../src/client/client.ts'
import { connectTo } from '../../../../src/client/client.ts'
import type { CommitOptions, Operator, PlanOptions } from '../../../../src/client/operator.ts'
import type { RunningNode } from '../../../../src/node/node.ts'
import type { ClusterPlanReply } from '../../../../src/wire/message/cluster.ts'
import type { Scene } from '../scene.ts'

export { ChangeOf } from '../../../../src/wire/message/cluster.ts'

/** Connects to one node alone; the others are learned, and not asked. */
export async function operatorAt(scene: Scene, machine: number): Promise<At> {
  const seed = scene.cluster.seeds[machine - 1] as string
  const client = await scene.run(
    connectTo({ seeds: [seed], timeout: 5_000 }, scene.cluster.clientWorld()),
  )
  return new At(scene, client, seed)
}

export class At {
  readonly scene: Scene
  readonly client: Client
  readonly at: string

  constructor(scene: Scene, client: Client, at: string) {
    this.scene = scene
    this.client = client
    this.at = at
  }

  get operator(): Operator {
    return this.client.operator
  }

  plan(options: PlanOptions = {}): Promise<ClusterPlanReply> {
    return this.scene.run(this.operator.plan({ ...options, at: this.at }))
  }

  /** Commits a plan that it makes now, or the one that is given. */
  async commit(options: Partial<CommitOptions> = {}): Promise<ClusterPlanReply> {
    const plan = options.plan ?? (await this.plan(options))
    return this.scene.run(this.operator.commit({ ...options, plan, at: this.at }))
  }

  change(...[what, member, options]: Parameters<Operator['change']>) {
    return this.scene.run(this.operator.change(what, member, { ...options, at: this.at }))
  }

  status() {
    return this.scene.run(this.operator.status({ at: this.at }))
  }
}

/** The code and the sentence with which it fails. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await promise
  } catch (error) {
    if (!isOperatingError(error)) throw error
    const { code, message } = error
    return { code, message }
  }
  return { code: 'done', message: '' }
}

export function nodeOf(scene: Scene, machine: number): RunningNode {
  const node = scene.cluster.node(machine)
  if (node === undefined) throw new Error(`node ${machine} does not run`)
  return node
}

/** Waits until all nodes that run have the same table in effect, and nothing moves any more. */
export async function settled(scene: Scene): Promise<void> {
  const running = scene.cluster.machines.flatMap((machine) => scene.cluster.node(machine) ?? [])
  for (let seconds = 0; seconds < 120; seconds += 3) {
    await scene.world.run(3_000)
    const numbers = new Set(running.map(({ rings }) => rings.view.stages.table.digest.hi))
    const isOver = running.every(({ rings, moves: { givesAway } }) => {
      return !rings.isFrozen && rings.view.stages.left === 0 && givesAway === 0
    })
    if (isOver && numbers.size === 1) return
  }
  const told = running.map(({ rings, moves: { givesAway } }) => {
    return [rings.isFrozen, rings.view.stages.left, givesAway, rings.view.missing]
  })
  throw new Error(`the moves do not end: ${JSON.stringify(told)}`)
}
