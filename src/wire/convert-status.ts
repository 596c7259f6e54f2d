/** What a node tells of itself, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { type CallConverter, plain } from './convert-client.ts'
import { everwrite as pb } from './generated/messages.js'
import type { RoundReport, SeenMember, Status } from './message/client.ts'
import type { Request } from './message/table.ts'

/** These numbers are on the wire. Append only; never reuse. */
export const STATES = { joined: 1, leaving: 2, gone: 3 } as const
const LIVES = { alive: 1, suspect: 2, dead: 3 } as const

const NOTHING = {}

const status: CallConverter<'status'> = {
  request: {
    encode(_: Request<'status'>, writer: Writer): void {
      pb.StatusQuery.encode(NOTHING, writer)
    },
    decode(reader: Reader): Request<'status'> {
      pb.StatusQuery.decode(reader)
      return NOTHING
    },
  },
  reply: {
    encode(status: Status, writer: Writer): void {
      const members = status.members.map(seenMessage)
      pb.Status.encode({ ...status, members } as pb.Status.$Properties, writer)
    },
    decode(reader: Reader): Status {
      const message = pb.Status.decode(reader)
      return {
        node: plain(message.node),
        name: message.name,
        version: message.version,
        cluster: message.cluster,
        peers: (message.peers ?? []).map((peer) => ({
          node: plain(peer.node),
          name: peer.name ?? '',
          isConnected: peer.isConnected ?? false,
        })),
        figures: (message.figures ?? []).map(({ name, value }) => ({
          name: name ?? '',
          value: value ?? 0,
        })),
        warnings: message.warnings,
        alarms: message.alarms,
        hints: (message.hints ?? []).map((hints) => ({
          node: plain(hints.node),
          name: hints.name ?? '',
          keys: hints.keys ?? 0,
          bytes: hints.bytes ?? 0,
          keptMs: hints.keptMs ?? 0,
          deliveredPerSecond: hints.deliveredPerSecond ?? 0,
          takenBytesPerSecond: hints.takenBytesPerSecond ?? 0,
        })),
        round: roundReportOf(message.round),
        members: (message.members ?? []).map(seenOf),
      }
    },
  },
}

export function roundReportOf(report: pb.RoundReport.$Properties | null | undefined): RoundReport {
  const { adopted, ageMs, highest, obstacle } = report ?? {}
  return {
    adopted: adopted ?? 0,
    ageMs: ageMs ?? 0,
    highest: highest ?? 0,
    obstacle: obstacle ?? '',
  }
}

function seenMessage({ node, name, state, life, lifeMs }: SeenMember): pb.SeenMember.$Properties {
  return { node, name, state: STATES[state], life: LIVES[life], lifeMs }
}

function seenOf({ node, name, state, life, lifeMs }: pb.SeenMember.$Properties): SeenMember {
  return {
    node: plain(node),
    name: name ?? '',
    state: nameOfState(state),
    life: nameOf(LIVES, life) ?? 'alive',
    lifeMs: lifeMs ?? 0,
  }
}

export function nameOfState(number: number | null | undefined): SeenMember['state'] {
  return nameOf(STATES, number) ?? 'joined'
}

/** Undefined for a number of a later version. */
function nameOf<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
  number: number | null | undefined,
): Name | undefined {
  return (Object.keys(numbers) as Name[]).find((name) => numbers[name] === number)
}

export const STATUS_CONVERTERS: {
  readonly [K in 'status']: CallConverter<K>
} = { status }
