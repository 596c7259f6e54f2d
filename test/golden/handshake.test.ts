/**
 * Dialogues with the two sides of a handshake (`handshake.txt`).
 *
 * The machine is both sides and the frames between them. `deliver` passes the next frame to its
 * receiver; `deliver name=value …` changes fields of it first, as a faulty side would.
 */
import { bytesOfHex, hexOf, utf8Bytes } from '../../src/base/bytes.ts'
import { type ErrorCode, isOperatingError, OperatingError } from '../../src/base/errors.ts'
import { type Control, decodeControl, encodeControl } from '../../src/wire/convert.ts'
import { AcceptorSteps } from '../../src/wire/handshake-acceptor.ts'
import { ConnectorSteps } from '../../src/wire/handshake-connector.ts'
import {
  firstKeyAlone,
  type PeerOptions,
  type ProofKeys,
  type Send,
  type Step,
  type Steps,
  WITHOUT_DATA,
} from '../../src/wire/handshake-steps.ts'
import { bytesOf } from '../support/wire-frames.ts'
import { WirePipeWorld } from '../support/wire-pipe.ts'
import { type Machine, playDialogues, type Words, wordsOf } from './dialogue.ts'

type Side = 'connector' | 'acceptor'

interface Sent {
  readonly from: Side
  readonly name: Step
  readonly body: Uint8Array
}

/** Options of either side from words such as `peer node=a key=1 cluster=shop`. */
function optionsOf({ bare, named }: Words): PeerOptions {
  const admit = named.get('refuses')
  const token = named.get('token')
  const options = {
    role: bare[1],
    cluster: named.get('cluster') ?? '',
    node: (named.get('node') ?? '').repeat(16),
    keys: keysOf(named.get('keys') ?? named.get('key')),
    token: token === undefined ? undefined : utf8Bytes(token),
    invitation: { id: named.get('invitation') ?? '', secret: secretOf(named.get('secret')) },
    joiners: {
      secretOf: (id: string) => {
        if (id === named.get('issued')) return secretOf(named.get('secret'))
        throw new OperatingError('invitation-wrong', 'this node has issued no such invitation')
      },
      admit: () => undefined,
    },
    standing: WITHOUT_DATA,
    admit: () => (admit === undefined ? undefined : new OperatingError(admit as ErrorCode, 'refused')),
  }
  return options as unknown as PeerOptions
}

/** Keys from words such as `keys=2,1`: each is of its digit, and has it for its id. */
function keysOf(digits = '0'): ProofKeys {
  const ids = digits.split(',').map(Number)
  const [only] = ids
  if (ids.length === 1) return firstKeyAlone(new Uint8Array(16).fill(only as number))
  const keyOf = (id: number) => (ids.includes(id) ? new Uint8Array(16).fill(id) : undefined)
  return { offered: ids, keyOf }
}

function secretOf(digit = '0'): Uint8Array {
  return new Uint8Array(32).fill(Number(digit))
}

/** A field as text: names as they are, proofs and nonces by their first bytes. */
function fieldText(name: string, value: unknown): string {
  if (name === 'settings') return `${name}=${Object.values(value as object).join('/')}`
  if (!(value instanceof Uint8Array)) return `${name}=${String(value)}`
  if (value.length === 0) return `${name}=`
  return `${name}=${hexOf(value.subarray(0, 4))}(${value.length})`
}

function messageText(name: Step, message: unknown): string {
  if (message === undefined) return name
  const fields = message instanceof Uint8Array ? { proof: message } : (message as object)
  const texts = Object.entries(fields).map(([field, value]) => fieldText(field, value))
  return [name, ...texts].join(' ')
}

/** The body with some fields changed. */
function changed({ name, body }: Sent, named: Words['named']): Uint8Array {
  if (named.size === 0) return body
  const message: unknown = decodeControl(name, body, 0, body.length)
  const value = (text: string): unknown => (/^\d$/.test(text) ? Number(text) : (bytesOfHex(text) ?? text))
  if (name === 'proof') return bytesOf(encodeControl(name, value([...named.values()][0] ?? '') as Uint8Array))
  const fields = Object.fromEntries([...named].map(([field, text]) => [field, value(text)]))
  return bytesOf(encodeControl(name as 'hello', { ...(message as Control<'hello'>), ...fields }))
}

function handshakeMachine(): Machine {
  const world = new WirePipeWorld()
  const sides: Partial<Record<Side, Steps>> = {}
  const results: Partial<Record<Side, string>> = {}
  const sent: Sent[] = []
  const outputs: string[] = []
  const sendFrom =
    (from: Side): Send =>
    (name, message) => {
      outputs.push(`${from} sends ${messageText(name, message)}`)
      const body = bytesOf(encodeControl(name, message))
      sent.push({ from, name, body })
      return body
    }

  /** Passes a frame to its receiver. */
  function take(frame: Sent, named: Words['named']): void {
    const to = frame.from === 'connector' ? 'acceptor' : 'connector'
    const steps = sides[to] as Steps
    const bytes = changed(frame, named)
    try {
      if (frame.name !== steps.awaited) throw new Error(`${to} awaits ${steps.awaited}`)
      const place = { bytes, start: 0, length: bytes.length }
      const facts = steps.take(place as Parameters<Steps['take']>[0], sendFrom(to))
      if (facts !== undefined && 'role' in facts) {
        results[to] = `open with ${facts.node ?? 'a client'} of ${facts.cluster}`
      }
    } catch (error) {
      if (!isOperatingError(error)) throw error
      results[to] = `refused: ${error.code}`
      outputs.push(`${to} refuses, ${error.code}: ${error.message}`)
    }
  }

  return (input) => {
    outputs.length = 0
    const words = wordsOf(input)
    const side = words.bare[0] as Side | 'deliver'
    if (side === 'connector') {
      sides.connector = new ConnectorSteps(world, optionsOf(words))
      sides.connector.begin(sendFrom('connector'))
    } else if (side === 'acceptor') {
      sides.acceptor = new AcceptorSteps(world, optionsOf(words))
    } else {
      take(sent.shift() as Sent, words.named)
    }
    const stateOf = (one: Side): string =>
      `${one} ${results[one] ?? (sides[one] === undefined ? 'not there' : `awaits ${sides[one].awaited}`)}`
    return { outputs: [...outputs], state: `${stateOf('connector')}; ${stateOf('acceptor')}` }
  }
}

playDialogues('handshake.txt', handshakeMachine)
