/**
 * The settings that the environment and flags may give too: their names, and what help says.
 *
 * Apart from the shape of a configuration, so that help does not load what checks it.
 */
import { DEFAULTS } from '../../config.ts'

/** What a setting is, so that text from the environment or a flag can become it. */
export type ScalarKind = 'text' | 'number' | 'flag'

/** The settings that the environment and flags may give too, with what help says of them. */
export const SCALARS: Readonly<Record<string, readonly [ScalarKind, string]>> = {
  cluster: ['text', 'members of different clusters never talk'],
  name: ['text', 'which of the members this node is'],
  data: ['text', 'the data directory'],
  'key-file': ['text', 'file of the cluster key: 32 hexadecimal digits, mode 0600'],
  'client-token-file': ['text', 'file of the token that clients must send, mode 0600'],
  insecure: ['flag', 'let clients in from other machines without a token'],
  partitions: ['number', `slices of the ring, a power of two (${DEFAULTS.partitions})`],
  n: ['number', `copies of each key (${DEFAULTS.n})`],
  r: ['number', `copies that a get compares (${DEFAULTS.r})`],
  w: ['number', `copies that are durable before a put is acknowledged (${DEFAULTS.w})`],
  'client-listen': ['text', "host:port for clients, where it is not the member's"],
  'peer-listen': ['text', "host:port for other nodes, where it is not the member's"],
  engine: ['text', "log, memory, or the path of an engine's module (log)"],
  'segment-bytes': ['number', 'size of a file of the log'],
  'deadline-ms': ['number', 'time for a request that names none'],
  'hedge-ms': ['number', 'after which a read asks the next copy too'],
  'forward-ms': ['number', 'after which a put is passed to the next owner too'],
  'calls-max': ['number', 'requests of clients in progress at once'],
  'connections-max': ['number', 'connections of clients at once, and as many of peers'],
}
