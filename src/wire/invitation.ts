/**
 * An invitation as one line of text: what a new node needs to be let into a cluster.
 *
 *     everwrite-invitation.AXkm…
 *
 * It names the cluster and the node that issued it, and has a secret that is valid once and for ten
 * minutes. A checksum tells a text that was cut or mistyped from the invitation of another cluster.
 *
 * The bytes are on paper and in files: protocol/README.md gives them byte by byte.
 */
import {
  base64urlOf,
  bytesOfBase64url,
  hexOf,
  joinBytes,
  readU16,
  readU32,
  utf8Bytes,
  utf8TextExact,
  writeU16,
  writeU32,
} from '../base/bytes.ts'
import type { Brand } from '../base/brand.ts'
import { OperatingError } from '../base/errors.ts'
import { idBytes, ID_BYTES, type NodeId, nodeIdOf } from '../dynamo/names.ts'
import { INVITATION_CHARS_MAX } from '../limits.ts'
import { crc32c } from '../native/digest.ts'
import type { Address } from '../world/network.ts'

/** Names one invitation of its issuer: 64 random bits, 16 hexadecimal digits. No secret. */
export type InvitationId = Brand<string, 'InvitationId'>

export const INVITATION_SECRET_BYTES = 32

/** What both sides of a proof know. */
export interface ProvedInvitation {
  readonly id: InvitationId
  readonly secret: Uint8Array
}

export interface Invitation extends ProvedInvitation {
  readonly cluster: string
  /** The only node that accepts it. */
  readonly issuer: NodeId
  /** Where other nodes reach the issuer. */
  readonly address: Address
}

const PREFIX = 'everwrite-invitation.'
const FORMAT = 1
/** Format, id, issuer, secret, port. */
const FIXED_BYTES: number = 1 + ID_BYTES + ID_BYTES + INVITATION_SECRET_BYTES + 2
const CHECK_BYTES = 4

/** Requires: eight bytes. */
export function invitationIdOf(bytes: Uint8Array): InvitationId {
  return nodeIdOf(bytes) as string as InvitationId
}

export function invitationIdBytes(id: InvitationId): Uint8Array {
  return idBytes(id as string as NodeId)
}

/** One line, without its end. */
export function invitationText({ id, secret, cluster, issuer, address }: Invitation): string {
  const fixed = new Uint8Array(FIXED_BYTES)
  fixed[0] = FORMAT
  fixed.set(invitationIdBytes(id), 1)
  fixed.set(idBytes(issuer), 1 + ID_BYTES)
  fixed.set(secret, 1 + 2 * ID_BYTES)
  writeU16(fixed, FIXED_BYTES - 2, address.port)
  const checked = joinBytes([fixed, ...lengthAndText(address.host), ...lengthAndText(cluster)])
  const check = new Uint8Array(CHECK_BYTES)
  writeU32(check, 0, crc32c(checked, 0, checked.length))
  return PREFIX + base64urlOf(joinBytes([checked, check]))
}

/** Spaces and line ends around the text do not count. Throws `invitation-wrong`. */
export function readInvitation(given: string): Invitation {
  const text = given.trim()
  const digits = text.slice(PREFIX.length)
  if (!text.startsWith(PREFIX) || text.length > INVITATION_CHARS_MAX) {
    throw invitationWrong(
      'this is no invitation: give the one line that everwrite cluster invite has printed',
    )
  }
  const bytes = /^[\w-]+$/.test(digits) ? bytesOfBase64url(digits) : new Uint8Array(0)
  const end = bytes.length - CHECK_BYTES
  if (end < FIXED_BYTES || readU32(bytes, end) !== crc32c(bytes, 0, end)) throw mistyped()
  if (bytes[0] !== FORMAT) {
    throw invitationWrong(
      `the invitation has format ${bytes[0]}, and this program knows ${FORMAT}: start the version` +
        ' that the cluster has',
    )
  }
  const [host, hostEnd] = textAt(bytes, FIXED_BYTES, end)
  const [cluster, clusterEnd] = textAt(bytes, hostEnd, end)
  if (clusterEnd !== end) throw mistyped()
  return {
    id: invitationIdOf(bytes.subarray(1, 1 + ID_BYTES)),
    issuer: nodeIdOf(bytes, 1 + ID_BYTES),
    secret: bytes.slice(1 + 2 * ID_BYTES, FIXED_BYTES - 2),
    address: { host, port: readU16(bytes, FIXED_BYTES - 2) },
    cluster,
  }
}

/** What people see of an invitation: no part of its secret. */
export function invitationLabel(id: InvitationId): string {
  return hexOf(invitationIdBytes(id).subarray(0, 4))
}

export function invitationWrong(sentence: string): OperatingError {
  return new OperatingError('invitation-wrong', sentence)
}

function mistyped(): OperatingError {
  return invitationWrong('the invitation was cut or mistyped: copy the whole line again')
}

function lengthAndText(text: string): readonly Uint8Array[] {
  const bytes = utf8Bytes(text)
  const length = new Uint8Array(2)
  writeU16(length, 0, bytes.length)
  return [length, bytes]
}

/** The text at `at`, and where it ends. */
function textAt(bytes: Uint8Array, at: number, end: number): readonly [string, number] {
  if (at + 2 > end) throw mistyped()
  const textEnd = at + 2 + readU16(bytes, at)
  const text = textEnd > end ? undefined : utf8TextExact(bytes.subarray(at + 2, textEnd))
  if (text === undefined) throw mistyped()
  return [text, textEnd]
}
