/** Cluster keys, between members and for operators, to and from protobuf: one entry a kind. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { EMPTY_BYTES } from '../base/bytes.ts'
import { idBytes } from '../dynamo/names.ts'
import { CLUSTER_KEYS_MERGED_MAX, MEMBERS_MAX } from '../limits.ts'
import { checkDeadline, garbled } from './bounds.ts'
import { type CallConverter, type Converter, plain, wideOf } from './convert-client.ts'
import { idOf } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import {
  type ClusterKeyReply,
  type ClusterKeyRequest,
  KeyAct,
  type KeyMember,
  type PeerKeys,
  SEAL_TAG_BYTES,
  SEALED_BYTES_MAX,
} from './message/keys.ts'

const ACTS: ReadonlySet<number> = new Set<number>(Object.values(KeyAct))

const told: Converter<PeerKeys> = {
  encode({ has, signer, digest, members, ring }: PeerKeys, writer: Writer): void {
    const { sealed, tag } = ring ?? { sealed: EMPTY_BYTES, tag: EMPTY_BYTES }
    pb.PeerKeys.encode({ has: [...has], signer, digest, members, sealed, tag }, writer)
  },
  decode(reader: Reader): PeerKeys {
    const { has, signer, digest, members, sealed, tag } = pb.PeerKeys.decode(reader)
    const ring = sealed.length === 0 ? undefined : { sealed: plain(sealed), tag: plain(tag) }
    if (ring !== undefined && ring.tag.length !== SEAL_TAG_BYTES) {
      throw garbled(`the tag of sealed keys has ${ring.tag.length} bytes: send ${SEAL_TAG_BYTES}`)
    }
    if (sealed.length > SEALED_BYTES_MAX) throw garbled('the sealed keys are too long')
    checkKeys(has.length)
    return { has, signer, digest: wideOf(digest), members: wideOf(members), ring }
  },
}

const clusterKey: CallConverter<'clusterKey'> = {
  request: {
    encode(asked: ClusterKeyRequest, writer: Writer): void {
      checkAsked(asked)
      pb.ClusterKey.encode(asked, writer)
    },
    decode(reader: Reader): ClusterKeyRequest {
      const { act, key, deadlineMs } = pb.ClusterKey.decode(reader)
      const asked = { act: act as KeyAct, key, deadlineMs }
      checkAsked(asked)
      return asked
    },
  },
  reply: {
    encode({ node, keys, signer, members }: ClusterKeyReply, writer: Writer): void {
      const listed = members.map((one) => ({ ...one, node: idBytes(one.node) }))
      const shown = keys.map(({ id, number }) => ({ id, number }))
      const message = { node: idBytes(node), keys: shown, signer, members: listed }
      pb.ClusterKeyReply.encode(message, writer)
    },
    decode(reader: Reader): ClusterKeyReply {
      const { node, keys, signer, members } = pb.ClusterKeyReply.decode(reader)
      checkKeys(keys.length)
      if (members.length > MEMBERS_MAX) throw garbled(`${members.length} members are too many`)
      const shown = keys.map(({ id, number }) => ({ id: id ?? 0, number: number ?? 0 }))
      return { node: idOf(node), keys: shown, signer, members: members.map(memberOf) }
    },
  },
}

function memberOf(message: pb.KeyMember.$Properties): KeyMember {
  const { node, name, isConnected, isWaitedFor, signer } = message
  return {
    node: idOf(node),
    name: name ?? '',
    isConnected: isConnected ?? false,
    isWaitedFor: isWaitedFor ?? false,
    signer: signer ?? 0,
  }
}

function checkAsked({ act, deadlineMs }: ClusterKeyRequest): void {
  checkDeadline(deadlineMs)
  if (!ACTS.has(act)) throw garbled(`no act on cluster keys is ${act}`)
}

function checkKeys(count: number): void {
  if (count <= CLUSTER_KEYS_MERGED_MAX) return
  throw garbled(`${count} cluster keys are told, of ${CLUSTER_KEYS_MERGED_MAX} at most`)
}

export const KEY_CONVERTERS: {
  readonly [K in 'peerKeys' | 'clusterKey']: CallConverter<K>
} = { peerKeys: { request: told, reply: told }, clusterKey }
