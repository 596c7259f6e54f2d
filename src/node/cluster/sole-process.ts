/**
 * Keeps two processes from being one member at the same time.
 *
 * A copied configuration or a disk image that was started twice makes two nodes of one id: both
 * would acknowledge as one owner. The process that is connected stays. A second one is refused
 * (`node-id-taken`), unless the first leaves a ping unanswered for 500 ms: then it is gone, and its
 * connections are dropped.
 *
 * Processes are told apart by the number that each draws at its start. So a member that dials
 * another connection beside a silent one is let in at once.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Session } from '../../wire/session.ts'
import type { Clock } from '../../world/clock.ts'

/**
 * Waits before each look whether the process that is connected has answered a ping: 500 ms in all.
 * The first are short: a member that restarted must not wait long for its own end.
 */
const LOOKS_MS = [4, 8, 16, 32, 64, 128, 248] as const

type Heard = Pick<Session, 'bytesReceived' | 'isEnded' | 'ping' | 'drop'>

interface Connected {
  readonly processId: string
  readonly sessions: Set<Heard>
}

export class SoleProcess {
  readonly #clock: Clock
  readonly #connected = new Map<NodeId, Connected>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether this process may be the member; why not, if so. A tool, without a number, may. */
  refusalOf(node: NodeId, processId: string): MaybePromise<OperatingError | undefined> {
    const first = this.#otherThan(node, processId)
    return first === undefined ? undefined : this.#ask(node, processId, first)
  }

  /** Requires: `refusalOf` has let the process in, in this turn. */
  add(node: NodeId, processId: string, session: Heard): void {
    if (processId === '') return
    const connected = this.#connected.get(node)
    if (connected?.processId === processId) connected.sessions.add(session)
    else this.#connected.set(node, { processId, sessions: new Set([session]) })
  }

  remove(node: NodeId, session: Heard): void {
    const connected = this.#connected.get(node)
    if (connected?.sessions.delete(session) !== true) return
    if (connected.sessions.size === 0) this.#connected.delete(node)
  }

  #otherThan(node: NodeId, processId: string): Connected | undefined {
    const connected = this.#connected.get(node)
    return processId === '' || connected?.processId === processId ? undefined : connected
  }

  /** Another newcomer may have been let in meanwhile: then that one is asked. */
  async #ask(
    node: NodeId,
    processId: string,
    first: Connected,
  ): Promise<OperatingError | undefined> {
    for (let asked: Connected | undefined = first; asked !== undefined; ) {
      if (await this.#answers(asked)) return idTaken(node)
      if (this.#connected.get(node) === asked) this.#connected.delete(node)
      asked = this.#otherThan(node, processId)
    }
    return undefined
  }

  /**
   * Resolves with false where its sessions have ended or nothing has come in time, and drops them.
   * Looks are counted and not time: after a stop of this process answers are still to be read.
   */
  async #answers({ sessions }: Connected): Promise<boolean> {
    const asked = [...sessions].map((session) => [session, session.bytesReceived] as const)
    for (const [session] of asked) session.ping()
    for (const waitMs of LOOKS_MS) {
      await new Promise<void>((resolve) => this.#clock.after(waitMs, resolve))
      const open = asked.filter(([session]) => !session.isEnded)
      if (open.length === 0) return false
      if (open.some(([session, before]) => session.bytesReceived > before)) return true
    }
    const silent = 'it was silent, and another process came with its id'
    for (const [session] of asked) session.drop(new OperatingError('connection-lost', silent))
    return false
  }
}

export function idTaken(node: NodeId): OperatingError {
  return new OperatingError(
    'node-id-taken',
    `another process is connected as member ${node}: stop one of the two, and give each node its` +
      ' own id and data directory',
  )
}
