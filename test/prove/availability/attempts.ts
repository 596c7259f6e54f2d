/**
 * Records each attempt that a client makes: at which node, when, and how it ended.
 *
 * A client of the library hides its attempts. This one is the same client over sessions whose calls
 * are noted by the key that they name, so keys may have one operation in flight at a time.
 */
import { utf8Text } from '../../../src/base/bytes.ts'
import { OperatingError } from '../../../src/base/errors.ts'
import { type Client, connectTo } from '../../../src/client/client.ts'
import { dialer } from '../../../src/client/dial.ts'
import type { Dial, NodeSession } from '../../../src/client/link.ts'
import { type ConnectOptions, settingsOf } from '../../../src/client/options.ts'
import { hostWorld } from '../../../src/host/world.ts'
import type { Request, RequestKind } from '../../../src/wire/message/table.ts'
import { addressLabel } from '../../../src/world/network.ts'

export interface Attempt {
  /** `host:port`. */
  readonly node: string
  readonly beganMs: number
  /** Milliseconds until it was answered, undefined while it is not. */
  tookMs?: number
  /** `ok`, or the code of the failure. */
  answer?: string
  /** With the owners that failed, as far as the failure names them: node and code. */
  details?: string
}

export class Attempts {
  readonly #underWay = new Map<string, Attempt[]>()

  /** As `connect` of the library. */
  async connect(options: ConnectOptions): Promise<Client> {
    const world = hostWorld({ traceLevel: 'silent', timersHold: false })
    return connectTo(options, world, this.#noting(dialer(settingsOf(options), world)))
  }

  /** From now on the attempts of operations on `key` go to the returned list. */
  begin(key: string): readonly Attempt[] {
    const attempts: Attempt[] = []
    this.#underWay.set(key, attempts)
    return attempts
  }

  end(key: string): void {
    this.#underWay.delete(key)
  }

  #noting(dial: Dial): Dial {
    return async (address, onEnd, signal) => {
      const session = await dial(address, onEnd, signal)
      this.#note(session, addressLabel(address))
      return session
    }
  }

  #note(session: NodeSession, node: string): void {
    const call = session.call.bind(session)
    session.call = (kind, request, onAnswer, room) => {
      const list = this.#underWay.get(keyOf(request))
      if (list === undefined) return call(kind, request, onAnswer, room)
      const attempt: Attempt = { node, beganMs: performance.now() }
      list.push(attempt)
      return call(
        kind,
        request,
        (answer) => {
          attempt.tookMs = performance.now() - attempt.beganMs
          attempt.answer = answer instanceof OperatingError ? answer.code : 'ok'
          if (answer instanceof OperatingError) attempt.details = detailsOf(answer)
          onAnswer(answer)
        },
        room,
      )
    }
  }
}

/** The key that the request names; an empty text where it names none. */
function keyOf(request: Request<RequestKind>): string {
  return 'name' in request && 'key' in request.name ? utf8Text(request.name.key) : ''
}

function detailsOf({ details }: OperatingError): string {
  return details?.nodes?.map(({ node, code }) => `${node} ${code}`).join(', ') ?? ''
}
