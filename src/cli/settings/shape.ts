/**
 * The shape of a configuration file: names, types and bounds of single settings.
 *
 * Names are those of the flags: `key-file` in the file, `--key-file` as a flag,
 * `EVERWRITE_KEY_FILE` in the environment. An unknown name is a fault, because a misspelt setting
 * that is ignored is worse than a node that does not start. `faults.ts` finds contradictions
 * between two settings.
 */
import { z } from 'zod'
import { DEFAULTS } from '../../config.ts'
import {
  BUCKETS_MAX,
  CALLS_PER_NODE_MAX,
  MESSAGE_MEMORY_BYTES_MAX,
  WINDOW_BYTES,
  CONNECTIONS_MAX,
  DEADLINE_MS_MAX,
  EXCHANGE_MS_MAX,
  ROUND_MS_MAX,
  MEMBERS_MAX,
  MEMBER_TEXT_CHARS_MAX,
  MEMBER_WEIGHT_MAX,
  PARTITIONS_MAX,
  REPLICAS_MAX,
  SEGMENT_BYTES_MAX,
} from '../../limits.ts'

/** A configuration of which each setting is sound by itself. */
export interface Settings {
  readonly cluster: string
  readonly name: string
  readonly data?: string | undefined
  readonly 'key-file'?: string | undefined
  readonly 'client-token-file'?: string | undefined
  readonly insecure: boolean
  readonly 'readable-secrets': boolean
  readonly rebuild: boolean
  readonly partitions: number
  readonly n: number
  readonly r: number
  readonly w: number
  readonly 'client-listen'?: string | undefined
  readonly 'peer-listen'?: string | undefined
  /** `log`, `memory`, or the path of an engine's module. */
  readonly engine: string
  readonly 'segment-bytes': number
  readonly 'hint-bytes'?: number | undefined
  readonly 'deadline-ms': number
  readonly 'hedge-ms': number
  readonly 'forward-ms': number
  readonly 'exchange-ms': number
  readonly 'latency-target': number
  readonly 'round-ms': number
  readonly 'calls-max': number
  readonly 'message-bytes': number
  readonly 'window-bytes': number
  readonly 'connections-max': number
  readonly members: readonly {
    readonly name: string
    readonly host: string
    readonly 'client-port': number
    readonly 'peer-port': number
    readonly machine?: string | undefined
    readonly zone: string
    readonly weight: number
  }[]
  readonly buckets: readonly {
    readonly name: string
    readonly n?: number | undefined
    readonly r?: number | undefined
    readonly w?: number | undefined
    readonly 'deadline-ms'?: number | undefined
  }[]
}

const name = z.string().min(1).max(MEMBER_TEXT_CHARS_MAX)
const port = z.number().int().min(1).max(65_535)
const count = (max: number): z.ZodNumber => z.number().int().min(1).max(max)
const quorum = count(REPLICAS_MAX)

const member = z.strictObject({
  name,
  host: name.default('127.0.0.1'),
  'client-port': port.default(DEFAULTS.clientPort),
  'peer-port': port.default(DEFAULTS.peerPort),
  machine: name.optional(),
  zone: z.string().max(MEMBER_TEXT_CHARS_MAX).default(''),
  weight: z.number().positive().max(MEMBER_WEIGHT_MAX).default(1),
})

const bucket = z.strictObject({
  name,
  n: quorum.optional(),
  r: quorum.optional(),
  w: quorum.optional(),
  'deadline-ms': count(DEADLINE_MS_MAX).optional(),
})

const shape: z.ZodType<Settings> = z.strictObject({
  cluster: name,
  name,
  data: z.string().min(1).optional(),
  'key-file': z.string().min(1).optional(),
  'client-token-file': z.string().min(1).optional(),
  insecure: z.boolean().default(false),
  'readable-secrets': z.boolean().default(false),
  rebuild: z.boolean().default(false),
  partitions: count(PARTITIONS_MAX).default(DEFAULTS.partitions),
  n: quorum.default(DEFAULTS.n),
  r: quorum.default(DEFAULTS.r),
  w: quorum.default(DEFAULTS.w),
  'client-listen': z.string().min(1).optional(),
  'peer-listen': z.string().min(1).optional(),
  engine: z
    .string()
    .regex(/^(log|memory)$|[./]/, "must be log, memory, or the path of an engine's module")
    .default('log'),
  'segment-bytes': count(SEGMENT_BYTES_MAX).default(DEFAULTS.segmentBytes),
  'hint-bytes': count(Number.MAX_SAFE_INTEGER).optional(),
  'deadline-ms': count(DEADLINE_MS_MAX).default(DEFAULTS.deadlineMs),
  'hedge-ms': count(DEADLINE_MS_MAX).default(DEFAULTS.hedgeMs),
  'forward-ms': count(DEADLINE_MS_MAX).default(DEFAULTS.forwardMs),
  'exchange-ms': count(EXCHANGE_MS_MAX).default(DEFAULTS.exchangeMs),
  'latency-target': count(DEADLINE_MS_MAX).default(DEFAULTS.latencyTargetMs),
  'round-ms': count(ROUND_MS_MAX).default(DEFAULTS.roundMs),
  'calls-max': count(CALLS_PER_NODE_MAX).default(DEFAULTS.callsMax),
  'message-bytes': count(MESSAGE_MEMORY_BYTES_MAX).default(DEFAULTS.messageBytes),
  'window-bytes': count(WINDOW_BYTES).default(DEFAULTS.windowBytes),
  'connections-max': count(CONNECTIONS_MAX).default(DEFAULTS.connectionsMax),
  members: z.array(member).min(1).max(MEMBERS_MAX),
  buckets: z.array(bucket).max(BUCKETS_MAX).default([]),
})

/** One fault: where it is, and what to do. */
export interface Fault {
  /** `members[1].name`, as in the file. */
  readonly path: string
  readonly code: 'config-wrong' | 'bind-insecure' | 'key-file-wrong'
  readonly sentence: string
}

export interface Judged {
  /** Undefined where a setting is missing or of the wrong shape. */
  readonly settings: Settings | undefined
  readonly faults: readonly Fault[]
}

/** The settings in `raw`, and every fault that one setting alone can have. */
export function shapeOf(raw: Record<string, unknown>): Judged {
  const result = shape.safeParse(raw)
  if (result.success) return { settings: result.data, faults: [] }
  const { issues } = result.error
  const faults = issues.flatMap(faultsOf)
  // Unknown names must not hide other faults.
  const isAllNames = issues.every((issue) => issue.code === 'unrecognized_keys')
  const settings = isAllNames ? shape.safeParse(without(raw, issues)).data : undefined
  return { settings, faults }
}

type Issue = z.core.$ZodIssue

function faultsOf(issue: Issue): readonly Fault[] {
  const path = labelOf(issue.path)
  const code = 'config-wrong'
  if (issue.code === 'unrecognized_keys') {
    const sentence = 'is no setting: correct the name or remove it'
    return issue.keys.map((key) => ({ path: path === '' ? key : `${path}.${key}`, code, sentence }))
  }
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('undefined')
  const sentence = isMissing
    ? `is missing: give it${EXAMPLES[path] ?? ''}`
    : lowerFirst(issue.message)
  return [{ path, code, sentence }]
}

/** `raw` without the names that `issues` are about. */
function without(raw: Record<string, unknown>, issues: readonly Issue[]): unknown {
  const copy: unknown = structuredClone(raw)
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue
    const table = issue.path.reduce<unknown>((at, part) => (at as never)[part], copy)
    for (const key of issue.keys) delete (table as Record<string, unknown>)[key]
  }
  return copy
}

function labelOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((label, part) => {
    if (typeof part === 'number') return `${label}[${part}]`
    return label === '' ? String(part) : `${label}.${String(part)}`
  }, '')
}

const EXAMPLES: Readonly<Record<string, string>> = {
  cluster: ', such as cluster = "shop"',
  name: ', or --name, such as name = "node-1"',
  members: ', one [[members]] with a name for each node',
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}
