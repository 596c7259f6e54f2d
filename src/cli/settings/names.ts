/**
 * The settings that the environment and flags may give too: their names and help texts.
 *
 * Apart from `shape.ts`, so that help does not load the library that checks configurations.
 */
import { DEFAULTS } from '../../config.ts'

/** The type of a setting, to convert text from the environment or a flag. */
export type ScalarKind = 'text' | 'number' | 'flag'

/** By name: the type and the help text. */
export const SCALARS: Readonly<Record<string, readonly [ScalarKind, string]>> = {
  cluster: ['text', 'members of different clusters never talk'],
  name: ['text', 'which of the members this node is'],
  data: ['text', 'the data directory'],
  'key-file': ['text', 'file of the cluster key: 32 hexadecimal digits, mode 0600'],
  'client-token-file': ['text', 'file of the token that clients must prove, mode 0600'],
  'readable-secrets': ['flag', 'take key and token files that other users may read'],
  insecure: ['flag', 'allow clients on other machines without a token'],
  partitions: ['number', `slices of the ring, a power of two (${DEFAULTS.partitions})`],
  n: ['number', `copies of each key (${DEFAULTS.n})`],
  r: ['number', `copies that a get compares (${DEFAULTS.r})`],
  w: ['number', `copies that are durable before a put is acknowledged (${DEFAULTS.w})`],
  'client-listen': ['text', "host:port for clients; the member's by default"],
  'peer-listen': ['text', "host:port for other nodes; the member's by default"],
  engine: ['text', "log, memory, or the path of an engine's module (log)"],
  rebuild: [
    'flag',
    'for an empty directory: read what the lost disk of this node held from the others',
  ],
  'segment-bytes': ['number', `size of a file of the log (${DEFAULTS.segmentBytes})`],
  'hint-bytes': ['number', 'space for hints for members that are away (a tenth of the free)'],
  'deadline-ms': ['number', `deadline of a request that names none (${DEFAULTS.deadlineMs})`],
  'hedge-ms': [
    'number',
    `longest time after which a read asks the next owner too (${DEFAULTS.hedgeMs})`,
  ],
  'forward-ms': [
    'number',
    `time after which a put is sent to the next owner too (${DEFAULTS.forwardMs})`,
  ],
  'exchange-ms': [
    'number',
    `how often copies are compared with those of each other owner (${DEFAULTS.exchangeMs})`,
  ],
  'latency-target': [
    'number',
    `p99 of requests, in ms, above which background work yields (${DEFAULTS.latencyTargetMs})`,
  ],
  'round-ms': ['number', `how often rounds open; less has no effect (${DEFAULTS.roundMs})`],
  'calls-max': ['number', `requests of clients in progress at once (${DEFAULTS.callsMax})`],
  'message-bytes': [
    'number',
    `memory for messages of clients, and for those of nodes (${DEFAULTS.messageBytes})`,
  ],
  'window-bytes': [
    'number',
    `how much of it one connection may have each way (${DEFAULTS.windowBytes})`,
  ],
  'connections-max': [
    'number',
    `connections of clients at once, and as many of peers (${DEFAULTS.connectionsMax})`,
  ],
}
