/**
 * Operating errors: one class and one table of codes.
 *
 * An operating error reports a failure outside of this program (a full disk, a garbled frame, a
 * quorum that cannot be met) and says what to do. True answers (not found, siblings) are values;
 * bugs of this program are failed assertions (`assert.ts`).
 *
 * A request that failed is either *refused* (certainly not applied, now or later) or *in doubt* (it
 * may be applied, or may still appear). A write that can still appear is never called refused.
 *
 * These numbers are on the wire. Append only; never reuse. `protocol/README.md` has the same table;
 * a test compares the two.
 */

export type Certainty = 'refused' | 'in-doubt'

interface ErrorKind {
  /** Its number on the wire. */
  readonly number: number
  readonly certainty: Certainty
  /** True where the same request may succeed elsewhere or later without being changed. */
  readonly isRetryable: boolean
}

const refused = (number: number): ErrorKind => ({
  number,
  certainty: 'refused',
  isRetryable: false,
})
const retryable = (number: number): ErrorKind => ({
  number,
  certainty: 'refused',
  isRetryable: true,
})
const inDoubt = (number: number): ErrorKind => ({
  number,
  certainty: 'in-doubt',
  isRetryable: true,
})

export const ERROR_KINDS = {
  // The stream can no longer be trusted: the connection is closed.
  'frame-magic': refused(1),
  'frame-format': refused(2),
  'frame-checksum': refused(3),
  'frame-too-long': refused(4),
  'frame-reserved': refused(5),
  'handshake-expected': refused(6),
  'handshake-late': retryable(7),
  'format-unsupported': refused(8),
  'wrong-cluster': refused(9),
  'proof-wrong': refused(10),
  'token-wrong': refused(11),
  'node-id-taken': refused(12),
  'credit-overrun': refused(13),
  'reader-too-slow': inDoubt(14),
  'too-many-connections': retryable(15),
  'frame-late': inDoubt(16),
  'not-a-member': refused(17),
  'call-id-wrong': refused(18),
  'peer-lies': refused(19),

  // This message cannot be answered: the request fails, the connection stays.
  'kind-unknown': refused(20),
  'message-garbled': refused(21),
  'message-too-long': refused(22),
  'bucket-wrong': refused(23),
  'key-wrong': refused(24),
  'value-too-long': refused(25),
  'request-id-wrong': refused(26),
  'quorum-wrong': refused(27),
  'deadline-wrong': refused(28),
  'cursor-wrong': refused(29),
  'object-too-large': refused(30),
  'siblings-full': refused(31),

  // A node that is to become a member.
  'invitation-wrong': refused(32),
  'invitations-full': retryable(33),

  // An operator's change of the cluster.
  'would-not-survive': refused(34),
  'ring-moved-on': refused(35),
  'nothing-to-commit': refused(36),
  'member-unknown': refused(37),
  'bucket-exists': refused(38),
  'buckets-full': refused(39),

  // The causal contexts that came with a put.
  'context-garbled': refused(40),
  'context-foreign': refused(41),
  'context-forged': refused(42),
  'context-key-unknown': retryable(43),
  'context-full': retryable(44),
  'contexts-too-many': refused(45),
  'context-other-cluster': refused(46),

  // The receipts that came with a get.
  'receipt-garbled': refused(47),
  'receipt-foreign': refused(48),
  'receipts-too-many': refused(49),

  // An operator's change of the cluster keys.
  'keys-full': refused(56),
  'key-unknown': refused(57),
  'key-in-use': refused(58),

  // The cluster cannot serve the request now.
  'bucket-unknown': retryable(59),
  overloaded: retryable(60),
  'deadline-passed': retryable(61),
  'replicas-short': retryable(62),
  'write-in-doubt': inDoubt(63),
  'ring-differs': retryable(64),
  'node-stopping': retryable(65),
  'not-an-owner': retryable(66),
  'peer-away': retryable(67),
  'replica-rebuilding': retryable(68),
  cancelled: refused(69),
  'receipt-unmet': retryable(70),
  'write-late': retryable(71),
  'round-busy': retryable(72),
  'round-left': refused(73),
  'members-full': refused(74),
  'member-gone': refused(75),
  'name-taken': refused(76),

  // The store.
  'disk-full': retryable(80),
  'disk-failed': inDoubt(81),
  'record-rotten': retryable(82),
  'data-locked': refused(83),
  'data-foreign': refused(84),
  'data-newer': refused(85),
  'data-rotten': refused(86),
  'data-older': refused(87),
  'data-missing': refused(88),
  'data-emptied': refused(89),
  'ring-changed': refused(90),
  'log-blocked': retryable(91),
  'hints-full': retryable(92),
  'hint-wrong': refused(93),

  // Raised inside the client or the command; never on the wire.
  'config-wrong': refused(100),
  'bind-insecure': refused(101),
  'key-file-wrong': refused(102),
  'address-taken': refused(103),
  'addon-missing': refused(104),
  'address-wrong': refused(105),
  'system-failed': refused(106),
  'not-connected': retryable(110),
  'connection-lost': inDoubt(111),
  aborted: inDoubt(112),
  closed: refused(113),
  'value-unreadable': refused(114),
  'input-wrong': refused(115),
  'not-yet': retryable(116),
  internal: inDoubt(127),
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERROR_KINDS

/** A node that did not do its part in a request. */
export interface FailedNode {
  /** Its id: 16 hexadecimal digits. */
  readonly node: string
  /** Told by clients, which know the members. */
  readonly name?: string
  /** Why: `peer-away` where it is not connected, `deadline-passed` where it is late. */
  readonly code: ErrorCode
}

/** A bound that a request has met: its name in `limits.ts`, or that of a setting, and its value. */
export interface ReachedLimit {
  readonly name: string
  readonly value: number
}

/** What is known about a failure beside its code. What does not apply is absent. */
export interface FailureDetails {
  /** Owners that must answer a read, or hold a write. */
  readonly needed?: number
  /** Owners that do; present where `needed` is. */
  readonly answered?: number
  /** Owners that do not, as far as this is known; at most `REPLICAS_MAX`. */
  readonly nodes?: readonly FailedNode[]
  /** Milliseconds to wait before the request is sent again. */
  readonly retryAfterMs?: number
  readonly limit?: ReachedLimit
}

export interface OperatingErrorOptions {
  readonly cause?: unknown
  /** That of the code, if not given. */
  readonly certainty?: Certainty
  readonly details?: FailureDetails | undefined
}

/** Marks the class across copies of this library, where `instanceof` fails. */
const BRAND: unique symbol = Symbol.for('everwrite.error') as never

/**
 * A failure outside of this program. `code` is stable; `message` says what to do; `isRetryable`
 * says whether the unchanged request may succeed elsewhere or later; `certainty` says whether a
 * failed write may be applied; `details` says what else is known.
 */
export class OperatingError extends Error {
  override readonly name = 'OperatingError'
  readonly code: ErrorCode
  readonly isRetryable: boolean
  readonly certainty: Certainty
  readonly details: FailureDetails | undefined
  readonly [BRAND] = true

  constructor(code: ErrorCode, message: string, options?: OperatingErrorOptions) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.isRetryable = ERROR_KINDS[code].isRetryable
    this.certainty = options?.certainty ?? ERROR_KINDS[code].certainty
    this.details = options?.details
  }
}

/** True for an operating error of this or of another copy of the library. */
export function isOperatingError(value: unknown): value is OperatingError {
  return typeof value === 'object' && value !== null && BRAND in value
}

const CODE_BY_NUMBER = new Map<number, ErrorCode>(
  Object.entries(ERROR_KINDS).map(([code, kind]) => [kind.number, code as ErrorCode]),
)

/** The code with this number on the wire; `internal` for a number that only a newer peer knows. */
export function errorCodeOf(number: number): ErrorCode {
  return CODE_BY_NUMBER.get(number) ?? 'internal'
}
