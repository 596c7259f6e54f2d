/** What members of the model of ownership send to each other. */
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import type { Attempt } from './attempt.ts'
import type { Filling, Giving, HintDelivery } from './member.ts'
import type { Reading } from './reading.ts'
import type { Stage, Table } from './tables.ts'

interface Sent {
  readonly from: number
  readonly to: number
}

/** A request names the stage of its sender: a receiver with a newer one refuses it. */
interface Asked extends Sent {
  readonly stage: Stage
}

/** A write, or a hint for another member. */
export interface Write extends Asked {
  readonly kind: 'write'
  readonly place: number
  readonly object: VersionedObject
  readonly attempt: Attempt
}

/** Why a copy is handed over, and what its durable acknowledgement is for. */
export type Cause =
  | {
      readonly kind: 'fill'
      readonly filling: Filling
      readonly accepted: number
      /** The leaver has closed, and its copy is whole. */
      readonly isWhole: boolean
    }
  | { readonly kind: 'cover' }
  | { readonly kind: 'give'; readonly giving: Giving }
  | { readonly kind: 'hint'; readonly place: number; readonly hint: HintDelivery }

export interface Carry extends Asked {
  readonly kind: 'carry'
  readonly object: VersionedObject | undefined
  readonly cause: Cause
}

export interface Ack extends Sent {
  readonly kind: 'ack'
  readonly cause: Cause
}

export interface Read extends Asked {
  readonly kind: 'read'
  readonly reading: Reading
}

/** The question of an exchange between owners, and its answer. */
export interface Question extends Asked {
  readonly kind: 'question'
  readonly id: number
}

export interface Answer extends Sent {
  readonly kind: 'answer'
  readonly id: number
  readonly place: number
  readonly object: VersionedObject | undefined
}

/** What a member knows of the ring. */
export interface News extends Asked {
  readonly kind: 'news'
  readonly adopted: Table
  readonly seen: number
  readonly base: Stage
  readonly members: number
  readonly gone: number
  readonly renewed: number
}

export type Request = Write | Carry | Read | Question
export type Message = Request | Ack | Answer | News
