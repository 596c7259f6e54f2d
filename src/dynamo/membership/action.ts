/** What a view asks its worker to do, in the order in which it stands. */
import type { NodeId } from '../names.ts'
import type { Life } from './liveness.ts'
import type { MemberRecord } from './member-record.ts'
import type { Message } from './message.ts'

export type Action =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: Message }
  /** A record that is new or has changed: to be written down. */
  | { readonly kind: 'record'; readonly record: MemberRecord }
  | { readonly kind: 'life'; readonly id: NodeId; readonly life: Life }
  /** The connection to `member` ends, with `peer-lies`. */
  | { readonly kind: 'lies'; readonly member: NodeId; readonly why: string }
