/** Operators' plans, changes of members and moves, to and from protobuf: one entry a kind. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { idBytes } from '../dynamo/names.ts'
import {
  MEMBER_TEXT_CHARS_MAX,
  MEMBER_WEIGHT_MAX,
  MEMBERS_MAX,
  PARTITIONS_MAX,
  REPLICAS_MAX,
  WITHOUT_MAX,
} from '../limits.ts'
import { checkDeadline, garbled } from './bounds.ts'
import { type CallConverter, wideOf } from './convert-client.ts'
import { idOf } from './convert-ids.ts'
import { nameOfState, STATES } from './convert-status.ts'
import { everwrite as pb } from './generated/messages.js'
import {
  ChangeOf,
  type ClusterChange,
  type ClusterChangeReply,
  type ClusterMember,
  type ClusterPause,
  type ClusterPauseReply,
  type ClusterPlan,
  type ClusterPlanReply,
  type ClusterStatus,
  type ClusterStatusReply,
  type ClusterTable,
  PlanAct,
  type PlannedMember,
  type PlannedMoves,
} from './message/cluster.ts'

const ACTS: ReadonlySet<number> = new Set<number>(Object.values(PlanAct))
const CHANGES: ReadonlySet<number> = new Set<number>(Object.values(ChangeOf))
const PARTITION_BITS_MAX: number = Math.log2(PARTITIONS_MAX)

const clusterPlan: CallConverter<'clusterPlan'> = {
  request: {
    encode(asked: ClusterPlan, writer: Writer): void {
      checkPlan(asked)
      pb.ClusterPlan.encode({ ...asked, without: [...asked.without] }, writer)
    },
    decode(reader: Reader): ClusterPlan {
      const message = pb.ClusterPlan.decode(reader)
      const { act, splits, without, isForced, parent, planned, deadlineMs } = message
      const asked = {
        ...{ act: act as PlanAct, splits, without, isForced },
        ...{ parent: wideOf<ClusterPlan['parent']>(parent), deadlineMs },
        planned: wideOf<ClusterPlan['planned']>(planned),
      }
      checkPlan(asked)
      return asked
    },
  },
  reply: {
    encode(reply: ClusterPlanReply, writer: Writer): void {
      const { node, moves, members, ...rest } = reply
      const message = {
        ...(rest as unknown as pb.ClusterPlanReply.$Properties),
        node: idBytes(node),
        moves: [...moves],
        members: members.map((one) => ({ ...one, ...memberMessage(one) })),
      }
      pb.ClusterPlanReply.encode(message, writer)
    },
    decode(reader: Reader): ClusterPlanReply {
      // By name: a spread leaves out what has its default.
      const message = pb.ClusterPlanReply.decode(reader)
      const { number, partitionBits, isPending, isSame, bytes, givenUp, losses } = message
      const { movesPerSecond } = message
      checkBits(partitionBits)
      return {
        ...{ number, partitionBits, isPending, isSame, bytes, givenUp, losses, movesPerSecond },
        node: idOf(message.node),
        parent: wideOf(message.parent),
        planned: wideOf(message.planned),
        moves: (message.moves ?? []).map(plannedMovesOf),
        members: limited(message.members).map(plannedMemberOf),
      }
    },
  },
}

const clusterChange: CallConverter<'clusterChange'> = {
  request: {
    encode(change: ClusterChange, writer: Writer): void {
      checkChange(change)
      pb.ClusterChange.encode(change, writer)
    },
    decode(reader: Reader): ClusterChange {
      const message = pb.ClusterChange.decode(reader)
      const { what, member, successor, weight, zone, isForced, deadlineMs } = message
      const asked = {
        what: what as ChangeOf,
        member,
        successor,
        weight,
        zone,
        isForced,
        deadlineMs,
      }
      checkChange(asked)
      return asked
    },
  },
  reply: {
    encode(reply: ClusterChangeReply, writer: Writer): void {
      pb.ClusterChangeReply.encode({ ...reply, ...memberMessage(reply) }, writer)
    },
    decode(reader: Reader): ClusterChangeReply {
      return changedOf(pb.ClusterChangeReply.decode(reader))
    },
  },
}

const clusterStatus: CallConverter<'clusterStatus'> = {
  request: {
    encode({ deadlineMs }: ClusterStatus, writer: Writer): void {
      checkDeadline(deadlineMs)
      pb.ClusterStatus.encode({ deadlineMs }, writer)
    },
    decode(reader: Reader): ClusterStatus {
      const { deadlineMs } = pb.ClusterStatus.decode(reader)
      checkDeadline(deadlineMs)
      return { deadlineMs }
    },
  },
  reply: {
    encode(reply: ClusterStatusReply, writer: Writer): void {
      const message = {
        ...(reply as unknown as pb.ClusterStatusReply.$Properties),
        node: idBytes(reply.node),
        members: reply.members.map((one) => ({ ...one, ...memberMessage(one) })),
      }
      pb.ClusterStatusReply.encode(message, writer)
    },
    decode(reader: Reader): ClusterStatusReply {
      const message = pb.ClusterStatusReply.decode(reader)
      const { name, partitionBits, movesLeft, movesDone, movesPerSecond } = message
      const { givesAway, hintedKeys, takenBytes, isPaused, obstacle } = message
      checkBits(partitionBits)
      return {
        ...{ name, partitionBits, movesLeft, movesDone, movesPerSecond },
        ...{ givesAway, hintedKeys, takenBytes, isPaused, obstacle },
        node: idOf(message.node),
        inEffect: tableOf(message.inEffect),
        newest: tableOf(message.newest),
        members: limited(message.members).map(clusterMemberOf),
      }
    },
  },
}

const clusterPause: CallConverter<'clusterPause'> = {
  request: {
    encode(asked: ClusterPause, writer: Writer): void {
      checkDeadline(asked.deadlineMs)
      pb.ClusterPause.encode(asked, writer)
    },
    decode(reader: Reader): ClusterPause {
      const { pauses, deadlineMs } = pb.ClusterPause.decode(reader)
      checkDeadline(deadlineMs)
      return { pauses, deadlineMs }
    },
  },
  reply: {
    encode({ node, isPaused }: ClusterPauseReply, writer: Writer): void {
      pb.ClusterPauseReply.encode({ node: idBytes(node), isPaused }, writer)
    },
    decode(reader: Reader): ClusterPauseReply {
      const { node, isPaused } = pb.ClusterPauseReply.decode(reader)
      return { node: idOf(node), isPaused }
    },
  },
}

function checkPlan({ act, without, deadlineMs }: ClusterPlan): void {
  checkDeadline(deadlineMs)
  if (!ACTS.has(act)) throw garbled(`no act of a plan is ${act}`)
  if (without.length > WITHOUT_MAX) {
    throw garbled(`${without.length} members are named as dead, of ${WITHOUT_MAX} at most`)
  }
  for (const name of without) checkText('name', name, 1)
}

function checkChange({ what, member, successor, weight, zone, deadlineMs }: ClusterChange): void {
  checkDeadline(deadlineMs)
  if (!CHANGES.has(what)) throw garbled(`no change of a member is ${what}`)
  checkText('name', member, 1)
  checkText('name of the successor', successor, 0)
  checkText('zone', zone, 0)
  if (weight >= 0 && weight <= MEMBER_WEIGHT_MAX) return
  throw garbled(`a weight is a number from 0 to ${MEMBER_WEIGHT_MAX}, not ${weight}`)
}

function checkText(what: string, text: string, least: number): void {
  if (text.length >= least && text.length <= MEMBER_TEXT_CHARS_MAX) return
  const count = `${text.length} characters: send ${least} to ${MEMBER_TEXT_CHARS_MAX}`
  throw garbled(`the ${what} has ${count}`)
}

function checkBits(partitionBits: number): void {
  if (partitionBits > PARTITION_BITS_MAX) throw garbled(`no ring has ${partitionBits} bits`)
}

function limited<Member>(members: Member[] | null | undefined): readonly Member[] {
  if (members === null || members === undefined) return []
  // Those that are gone are listed too, where they own something still.
  if (members.length > 2 * MEMBERS_MAX) throw garbled(`${members.length} members are too many`)
  return members
}

function memberMessage({ node, state }: Pick<ClusterChangeReply, 'node' | 'state'>) {
  return { node: idBytes(node), state: STATES[state] }
}

function changedOf(message: pb.ClusterChangeReply.$Properties): ClusterChangeReply {
  const { node, name, state, weight, zone } = message
  return {
    node: idOf(node),
    name: name ?? '',
    state: nameOfState(state),
    weight: weight ?? 0,
    zone: zone ?? '',
  }
}

function plannedMemberOf(message: pb.PlannedMember.$Properties): PlannedMember {
  const { owns, willOwn, isNeeded, isUnmet, isDead } = message
  return {
    ...changedOf(message),
    owns: owns ?? 0,
    willOwn: willOwn ?? 0,
    isNeeded: isNeeded ?? false,
    isUnmet: isUnmet ?? false,
    isDead: isDead ?? false,
  }
}

function clusterMemberOf(message: pb.ClusterMember.$Properties): ClusterMember {
  const { machine, host, clientPort, isConnected, owns, fills, leaves, isMissing } = message
  return {
    ...changedOf(message),
    machine: machine ?? '',
    host: host ?? '',
    clientPort: clientPort ?? 0,
    isConnected: isConnected ?? false,
    owns: owns ?? 0,
    fills: fills ?? 0,
    leaves: leaves ?? 0,
    isMissing: isMissing ?? false,
  }
}

function tableOf(message: pb.ClusterTable.$Properties | null | undefined): ClusterTable {
  const { number, digest, isOutdated } = message ?? {}
  return { number: number ?? 0, digest: wideOf(digest), isOutdated: isOutdated ?? false }
}

function plannedMovesOf(message: pb.PlannedMoves.$Properties): PlannedMoves {
  const { n, moves, replicas, before, during, after } = message
  if ((n ?? 0) > REPLICAS_MAX) throw garbled(`no bucket has ${n} replicas`)
  return {
    n: n ?? 0,
    moves: moves ?? 0,
    replicas: replicas ?? 0,
    before: before ?? 0,
    during: during ?? 0,
    after: after ?? 0,
  }
}

export const CLUSTER_CONVERTERS: {
  readonly [K in
    | 'clusterPlan'
    | 'clusterChange'
    | 'clusterStatus'
    | 'clusterPause']: CallConverter<K>
} = { clusterPlan, clusterChange, clusterStatus, clusterPause }
