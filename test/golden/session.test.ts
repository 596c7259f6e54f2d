/**
 * Dialogues with a session over frames (`session.txt`).
 *
 * The machine is one session; the other side is a raw end of the pipe, whose frames are written by
 * the dialogue. `< frame` is a frame that the session sends, `< event` a callback of its owner.
 */
import { OperatingError, type ErrorCode, isOperatingError } from '../../src/base/errors.ts'
import {
  decodeControl,
  encodeControl,
  encodeReply,
  encodeRequest,
} from '../../src/wire/convert.ts'
import { FramedConnection } from '../../src/wire/framed-connection.ts'
import { FramedSession } from '../../src/wire/framed-session.ts'
import { CONTROL_KINDS, FAILURE_KIND, FLAG_MORE, REPLY } from '../../src/wire/message/session.ts'
import { REQUEST_KINDS, type RequestKind } from '../../src/wire/message/table.ts'
import { sessionMemory } from '../../src/wire/session-memory.ts'
import type { CallHandle, IncomingCall, SessionEvents } from '../../src/wire/session.ts'
import { REPLIES } from '../support/wire-replies.ts'
import { REQUESTS } from '../support/wire-requests.ts'
import { bytesOf, FACTS, type GotFrame, RawEnd } from '../support/wire-frames.ts'
import { WirePipeWorld, wirePipe } from '../support/wire-pipe.ts'
import { type Machine, playDialogues, type Words, wordsOf } from './dialogue.ts'

const KIND_NAMES = new Map<number, string>([
  ...Object.entries(REQUEST_KINDS).map(([name, kind]): [number, string] => [kind, name]),
  ...Object.entries(REQUEST_KINDS).map(([name, kind]): [number, string] => [
    kind + REPLY,
    `${name}-reply`,
  ]),
  ...Object.entries(CONTROL_KINDS).map(([name, kind]): [number, string] => [kind, name]),
  [FAILURE_KIND, 'failure'],
])

/** A frame that the session sent, in words. */
function frameText({ kind, flags, callId, body }: GotFrame): string {
  const name = KIND_NAMES.get(kind) ?? `kind ${kind}`
  const more = (flags & FLAG_MORE) === 0 ? '' : ' MORE'
  if (kind === CONTROL_KINDS.credit) {
    return `frame credit call=${callId} bytes=${decodeControl('credit', body, 0, body.length).bytes}`
  }
  if (kind === CONTROL_KINDS.goodbye || kind === FAILURE_KIND) {
    const control = kind === FAILURE_KIND ? 'failure' : 'goodbye'
    const { code, message } = decodeControl(control, body, 0, body.length)
    return `frame ${name} call=${callId} ${code}: ${message}`
  }
  return `frame ${name} call=${callId}${more} (${body.length} bytes)`
}

class Scene {
  readonly #world = new WirePipeWorld()
  readonly #raw: RawEnd
  readonly #session: FramedSession
  readonly #outputs: string[] = []
  readonly #handles: CallHandle[] = []
  readonly #incoming: IncomingCall[] = []

  constructor(role: 'client' | 'peer', side: 'connector' | 'acceptor') {
    const [nearEnd, farEnd] = wirePipe(this.#world)
    this.#raw = new RawEnd(farEnd)
    const none = {
      onFrame: () => undefined,
      onLeft: () => undefined,
      onProgressCheck: () => false,
      onEnd: () => undefined,
    }
    const connection = new FramedConnection(nearEnd, side, this.#world, 2 ** 24, none)
    const facts = { ...FACTS, role }
    const events: SessionEvents = {
      onCall: (call) => {
        this.#incoming.push(call)
        const length = call.kind === 'put' ? ` value=${call.request.value?.length}` : ''
        this.#outputs.push(`event onCall ${call.kind}${length}`)
      },
      onEnd: (reason) => this.#outputs.push(`event onEnd ${reason.code}`),
    }
    this.#session = new FramedSession(connection, facts, events, sessionMemory())
    connection.open(2 ** 24, this.#session)
  }

  act(input: string): { outputs: string[]; state: string } {
    const words = wordsOf(input)
    const [verb, subject] = words.bare as [string, string]
    if (verb === 'call') this.#call(subject as RequestKind, words)
    else if (verb === 'receive') this.#receive(subject, words)
    else if (verb === 'answer') this.#answer(subject, words)
    else if (verb === 'forget') this.#handles[Number(subject) - 1]?.forget()
    else if (verb === 'end') this.#session.end(new OperatingError(subject as ErrorCode, 'as told'))
    else if (verb === 'pass') this.#world.pass(Number(subject) * 1000)
    else if (verb === 'cut') this.#raw.end.destroy()
    this.#world.run()
    const outputs = [...this.#outputs.splice(0), ...this.#raw.take().map(frameText)]
    const { callsInFlight, callsToAnswer, isEnded } = this.#session
    const calls = `${callsInFlight} in flight, ${callsToAnswer} to answer`
    return { outputs, state: isEnded ? `ended, ${calls}` : calls }
  }

  #call(kind: RequestKind, { named }: Words): void {
    const number = this.#handles.length + 1
    const size = named.get('value')
    const value = size === undefined ? {} : { value: new Uint8Array(Number(size)) }
    const request = { ...REQUESTS[kind], ...value }
    const handle = this.#session.call(kind, request, (answer: unknown) => {
      const text = isOperatingError(answer) ? `${answer.code}, ${answer.certainty}` : 'reply'
      this.#outputs.push(`event answer of call ${number}: ${text}`)
    })
    this.#handles.push(handle)
  }

  /**
   * Writes a frame of the other side; `part=1/3` announces a message, and sends its first third.
   */
  #receive(name: string, { bare, named }: Words): void {
    const callId = Number(named.get('call') ?? 0)
    const [kind, whole] = this.#bodyOf(name, bare[2], named)
    const [part, parts] = (named.get('part') ?? '1/1').split('/').map(Number) as [number, number]
    if (part === 1 && parts > 1) {
      const announced = encodeControl('length', { kind, bytes: whole.length })
      this.#raw.send(CONTROL_KINDS.length, callId, bytesOf(announced))
    }
    const length = Math.ceil(whole.length / parts)
    const body = whole.slice((part - 1) * length, part * length)
    this.#raw.send(kind, callId, body, part < parts ? FLAG_MORE : 0)
  }

  #bodyOf(name: string, code: string | undefined, named: Words['named']): [number, Uint8Array] {
    const value = named.get('value')
    if (name === 'failure' || name === 'goodbye') {
      const error = new OperatingError(code as ErrorCode, 'as told')
      const { message, certainty } = error
      const lastTaken = Number(named.get('last') ?? 0xffff_ffff)
      const failure = { code: error.code, message, certainty, lastTaken }
      const body = bytesOf(encodeControl(name, failure))
      return [name === 'failure' ? FAILURE_KIND : CONTROL_KINDS.goodbye, body]
    }
    if (name === 'credit') {
      const credit = { bytes: Number(named.get('bytes')), isAnswer: false }
      return [CONTROL_KINDS.credit, bytesOf(encodeControl('credit', credit))]
    }
    if (name.endsWith('-reply')) {
      const kind = name.slice(0, -'-reply'.length) as RequestKind
      const long = value === undefined ? {} : { siblings: [new Uint8Array(Number(value))] }
      const reply = { ...REPLIES[kind], ...long }
      return [REQUEST_KINDS[kind] + REPLY, bytesOf(encodeReply(kind, reply as never))]
    }
    const kind = name as RequestKind
    const long = value === undefined ? {} : { value: new Uint8Array(Number(value)) }
    return [REQUEST_KINDS[kind], bytesOf(encodeRequest(kind, { ...REQUESTS[kind], ...long }))]
  }

  /** Answers the incoming call of this place, with a reply or a failure. */
  #answer(place: string, { bare }: Words): void {
    const call = this.#incoming[Number(place) - 1] as IncomingCall
    if (bare[2] === undefined) call.answer(REPLIES[call.kind] as never)
    else call.fail(new OperatingError(bare[2] as ErrorCode, 'as told'))
  }
}

function sessionMachine(): Machine {
  let scene: Scene | undefined
  return (input) => {
    if (scene !== undefined) return scene.act(input)
    const [, role, side] = input.split(' ') as [string, 'client' | 'peer', 'connector' | 'acceptor']
    scene = new Scene(role, side)
    return { outputs: [], state: '0 in flight, 0 to answer' }
  }
}

playDialogues('session.txt', sessionMachine)
