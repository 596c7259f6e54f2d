/**
 * Read a stored scenario: one that `everwrite simulate --json` printed, or one written by hand.
 *
 *     {"seed":7,"scenario":{"nodes":3,...}}
 *
 * Other fields beside these two are ignored. Within the scenario every field is required and no
 * other is allowed: a misspelt field would silently change what is simulated.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import {
  DEADLINE_MS_MAX,
  MESSAGE_MEMORY_BYTES_MAX,
  PARTITIONS_MAX,
  REPLICAS_MAX,
  SEGMENT_BYTES_MAX,
  WINDOW_BYTES,
  ROUND_MS_MAX,
} from '../../limits.ts'
import { FAULT_KINDS, type Scenario } from '../../sim/scenario.ts'
import { misuse } from '../outcome.ts'

export interface ScenarioFile {
  readonly seed: number
  readonly scenario: Scenario
}

const BYTES_MAX = 1_048_576
const NODES_MAX = 99
const CLIENTS_MAX = 1_000
const COUNT_MAX = 1_000_000
const VALUE_BYTES_MAX = 1_000_000
const PAUSE_MS_MAX = 60_000
const SEGMENT_BYTES_MIN = 256
/** A value must have room for its number. */
const VALUE_BYTES_MIN = 8

const whole = (min: number, max: number): z.ZodNumber => z.number().int().min(min).max(max)
const chance = z.number().min(0).max(1)
const part = z.number().min(0).max(COUNT_MAX)
const quorum = whole(1, REPLICAS_MAX)

const bucket = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be letters a to z, digits and hyphens'),
    n: quorum,
    r: quorum,
    w: quorum,
    deadlineMs: whole(1, DEADLINE_MS_MAX).optional(),
  })
  .refine(({ n, r, w }) => r <= n && w <= n, 'has R or W above its N')

const made = z
  .strictObject({
    name: z.string().regex(/^made-[a-z0-9-]{1,32}$/, 'must begin with made-'),
    n: quorum,
    r: quorum,
    w: quorum,
    deadlineMs: whole(1, DEADLINE_MS_MAX).optional(),
    afterMs: whole(0, PAUSE_MS_MAX),
    isLastOnly: z.boolean().optional(),
    isInterval: z.boolean().optional(),
  })
  .refine(({ n, r, w }) => r <= n && w <= n, 'has R or W above its N')

const mix = z
  .strictObject({
    get: part,
    update: part,
    blind: part,
    stale: part,
    joined: part,
    chained: part,
    delete: part,
    seen: part,
    repeat: part,
    intrude: part,
  })
  .refine((parts) => Object.values(parts).some((one) => one > 0), 'has nothing above 0')

const scenario: z.ZodType<Scenario> = z
  .strictObject({
    nodes: whole(1, NODES_MAX),
    machines: whole(1, NODES_MAX),
    partitions: whole(1, PARTITIONS_MAX).refine(
      (count) => Number.isInteger(Math.log2(count)),
      'must be a power of two',
    ),
    buckets: z
      .array(bucket)
      .refine(([first]) => first?.name === 'default', 'must begin with the bucket default'),
    created: z.array(made).optional(),
    engine: z.enum(['log', 'memory']),
    segmentBytes: whole(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX),
    hintBytes: whole(0, Number.MAX_SAFE_INTEGER),
    callsMax: whole(1, COUNT_MAX),
    hedgeMs: whole(1, DEADLINE_MS_MAX),
    exchangeMs: whole(1, DEADLINE_MS_MAX),
    roundMs: whole(1, ROUND_MS_MAX),
    rememberMs: whole(1, 2 * DEADLINE_MS_MAX),
    cleanMs: whole(1, DEADLINE_MS_MAX),
    calmMsMax: whole(200, COUNT_MAX),
    messageBytes: whole(1, MESSAGE_MEMORY_BYTES_MAX),
    windowBytes: whole(1, WINDOW_BYTES),
    residentChance: chance,
    shortReadChance: chance,
    cutChance: chance,
    clients: whole(1, CLIENTS_MAX),
    sessions: whole(0, CLIENTS_MAX),
    keys: whole(1, COUNT_MAX),
    writesPerKey: whole(1, COUNT_MAX),
    valueBytesMax: whole(VALUE_BYTES_MIN, VALUE_BYTES_MAX),
    longValueChance: chance,
    thinkMsMax: whole(0, PAUSE_MS_MAX),
    mix,
    faults: z.array(z.enum(FAULT_KINDS)).min(1),
    everyMs: whole(1, PAUSE_MS_MAX),
    rounds: whole(1, COUNT_MAX),
    acknowledged: whole(0, COUNT_MAX),
    changeMs: whole(0, COUNT_MAX),
    rotateMs: whole(0, COUNT_MAX),
    faultsMin: whole(0, COUNT_MAX),
    omitted: z.array(whole(0, COUNT_MAX)),
    faultsMax: whole(0, COUNT_MAX),
  })
  .refine(
    ({ nodes, buckets, created = [] }) => [...buckets, ...created].every(({ n }) => n <= nodes),
    'has N above its nodes',
  )

const shape: z.ZodType<ScenarioFile> = z.object({
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  scenario,
})

/** What `file` holds, or standard input where it is `-`. Throws `input-wrong`. */
export function readScenario(file: string): ScenarioFile {
  const from = file === '-' ? 'standard input' : file
  const result = shape.safeParse(parsed(from, textOf(file, from)))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  throw misuse(
    `${from} holds no scenario: ${path}${issue?.message ?? ''}. ` +
      'Print one with everwrite simulate --seed 1 --json',
  )
}

function textOf(file: string, from: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw misuse(`${from} cannot be read: ${(cause as Error).message}`, cause)
  }
}

function parsed(from: string, text: string): unknown {
  if (text.length > BYTES_MAX) {
    throw misuse(`${from} holds no scenario: it is longer than ${BYTES_MAX} bytes`)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw misuse(`${from} holds no scenario: it is not JSON (${(cause as Error).message})`, cause)
  }
}
