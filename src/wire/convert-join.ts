/** Invitations and joining, to and from protobuf: one entry for each kind. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { utf8Bytes } from '../base/bytes.ts'
import { idBytes } from '../dynamo/names.ts'
import {
  BUCKET_BYTES_MAX,
  INVITATION_CHARS_MAX,
  MEMBER_RECORD_BYTES_MAX,
  MEMBER_TEXT_CHARS_MAX,
  MEMBER_WEIGHT_MAX,
  MEMBERS_MAX,
  PARTITIONS_MAX,
  PLACEMENT_BYTES_MAX,
  REPLICAS_MAX,
} from '../limits.ts'
import { checkDeadline, garbled } from './bounds.ts'
import { type CallConverter, plain } from './convert-client.ts'
import { idOf } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import type { Invite, InviteReply, PeerJoin, PeerJoinReply } from './message/join.ts'
import { SEAL_TAG_BYTES, SEALED_BYTES_MAX, SEALED_BYTES_MIN } from './message/keys.ts'

const PORT_MAX = 65_535

const invite: CallConverter<'invite'> = {
  request: {
    encode({ deadlineMs }: Invite, writer: Writer): void {
      checkDeadline(deadlineMs)
      pb.Invite.encode({ deadlineMs }, writer)
    },
    decode(reader: Reader): Invite {
      const { deadlineMs } = pb.Invite.decode(reader)
      checkDeadline(deadlineMs)
      return { deadlineMs }
    },
  },
  reply: {
    encode({ invitation, node, validMs }: InviteReply, writer: Writer): void {
      pb.InviteReply.encode({ invitation, node: idBytes(node), validMs }, writer)
    },
    decode(reader: Reader): InviteReply {
      const { invitation, node, validMs } = pb.InviteReply.decode(reader)
      if (invitation.length > INVITATION_CHARS_MAX) throw garbled('the invitation is too long')
      return { invitation, node: idOf(node), validMs }
    },
  },
}

const peerJoin: CallConverter<'peerJoin'> = {
  request: {
    encode(join: PeerJoin, writer: Writer): void {
      checkJoin(join)
      const { facts, buckets, ...rest } = join
      pb.PeerJoin.encode({ ...facts, ...rest, buckets: [...buckets] }, writer)
    },
    decode(reader: Reader): PeerJoin {
      const message = pb.PeerJoin.decode(reader)
      const { name, host, clientPort, peerPort, machine, zone, weight } = message
      const { partitions, n, format, deadlineMs } = message
      const facts = { name, host, clientPort, peerPort, machine, zone, weight }
      const buckets = (message.buckets ?? []).map((one) => ({
        name: one.name ?? '',
        n: one.n ?? 0,
      }))
      const join: PeerJoin = { facts, partitions, n, buckets, format, deadlineMs }
      checkJoin(join)
      return join
    },
  },
  reply: {
    bytesOf: ({ placement, records }) =>
      records.reduce((sum, { length }) => sum + length, 3 * placement.length),
    encode(reply: PeerJoinReply, writer: Writer): void {
      checkReply(reply)
      const { sealed, tag, placement, records } = reply
      const message = { sealed, tag, placement, records: [...records] }
      pb.PeerJoinReply.encode(message, writer)
    },
    decode(reader: Reader): PeerJoinReply {
      const { sealed, tag, placement, records } = pb.PeerJoinReply.decode(reader)
      const reply: PeerJoinReply = {
        sealed: plain(sealed),
        tag: plain(tag),
        placement,
        records: (records ?? []).map(plain),
      }
      checkReply(reply)
      return reply
    },
  },
}

function checkJoin({ facts, partitions, n, buckets, deadlineMs }: PeerJoin): void {
  const { name, host, clientPort, peerPort, machine, zone, weight } = facts
  checkDeadline(deadlineMs)
  for (const [what, text] of Object.entries({ name, host, machine, zone })) {
    const isMissing = text === '' && what !== 'zone'
    if (!isMissing && text.length <= MEMBER_TEXT_CHARS_MAX) continue
    const least = what === 'zone' ? 0 : 1
    throw garbled(
      `the ${what} has ${text.length} characters: send ${least} to ${MEMBER_TEXT_CHARS_MAX}`,
    )
  }
  for (const port of [clientPort, peerPort]) {
    if (port < 1 || port > PORT_MAX) throw garbled(`no port is ${port}`)
  }
  if (!(weight > 0 && weight <= MEMBER_WEIGHT_MAX)) {
    throw garbled(`a weight is a number above 0, of at most ${MEMBER_WEIGHT_MAX}, not ${weight}`)
  }
  const isPower = partitions === 0 || Number.isInteger(Math.log2(partitions))
  if (!isPower || partitions > PARTITIONS_MAX) throw garbled(`no ring has ${partitions} partitions`)
  if (n > REPLICAS_MAX) throw garbled(`no key has ${n} copies`)
  for (const one of buckets) {
    const isNamed = one.name.length >= 1 && one.name.length <= BUCKET_BYTES_MAX
    if (!isNamed || one.n < 1 || one.n > REPLICAS_MAX) throw garbled('no bucket is configured so')
  }
}

function checkReply({ sealed, tag, placement, records }: PeerJoinReply): void {
  const isSealed = sealed.length >= SEALED_BYTES_MIN && sealed.length <= SEALED_BYTES_MAX
  if (!isSealed || tag.length !== SEAL_TAG_BYTES) {
    throw garbled(`sealed keys have at most ${SEALED_BYTES_MAX} bytes, and a tag of 32`)
  }
  if (utf8Bytes(placement).length > PLACEMENT_BYTES_MAX) throw garbled('the placement is too long')
  if (records.length > MEMBERS_MAX) throw garbled(`${records.length} members are too many`)
  if (records.some(({ length }) => length > MEMBER_RECORD_BYTES_MAX)) {
    throw garbled(`the record of a member has at most ${MEMBER_RECORD_BYTES_MAX} bytes`)
  }
}

export const JOIN_CONVERTERS: {
  readonly [K in 'invite' | 'peerJoin']: CallConverter<K>
} = { invite, peerJoin }
