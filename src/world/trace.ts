/**
 * The trace of a node: named facts with fields, not sentences.
 *
 * A fact has a name from the table below and a few fields. Tests assert that a fact occurred, so
 * production code leads to the test that explains it. Keys and values of clients never appear.
 */

export type Weight = 'detail' | 'notice' | 'warning' | 'failure'

/** Every fact, with its weight. Add a line here before tracing a new one. */
export const FACTS = {
  // A node's life.
  'node-starting': 'detail',
  'node-ready': 'notice',
  'node-stopping': 'detail',
  'node-stopped': 'notice',
  'new-start-drawn': 'warning',
  'insecure-bind': 'warning',

  // Connections.
  listening: 'detail',
  'client-connected': 'detail',
  'connection-refused': 'warning',
  'connection-closed': 'detail',
  'stream-broken': 'warning',
  'slow-reader-cut': 'warning',
  'peer-connected': 'notice',
  'peer-away': 'notice',
  'peer-silent': 'notice',
  'peer-heard': 'notice',
  'peer-lies': 'failure',
  'invitation-issued': 'notice',
  'joiner-let-in': 'notice',
  'keys-held': 'detail',
  'key-made': 'notice',
  'key-kept': 'notice',
  'key-signs': 'notice',
  'key-dropped': 'notice',

  // Who is here.
  'member-changed': 'notice',
  'member-suspected': 'notice',
  'member-dead': 'warning',
  'member-alive': 'notice',

  // Who owns what.
  'ring-committed': 'notice',
  'ring-in-effect': 'notice',
  'ring-gave-way': 'warning',
  'moves-ended': 'detail',
  'places-taken': 'detail',
  'copies-given': 'detail',
  'transfer-ended': 'detail',
  'transfer-passed-over': 'warning',

  // Buckets.
  'bucket-created': 'notice',
  'bucket-renamed': 'notice',
  'buckets-heard': 'notice',
  'bucket-hides-keys': 'warning',

  // Requests.
  'read-repaired': 'detail',
  'repair-failed': 'detail',
  'copy-mended': 'notice',
  'rebuild-begun': 'warning',
  'rebuild-ended': 'notice',
  'mending-failed': 'warning',
  'key-reaped': 'detail',
  'round-opened': 'detail',
  'round-adopted': 'detail',
  'round-void': 'detail',
  'hint-delivered': 'detail',
  'put-repeated': 'detail',
  'put-passed-on-again': 'detail',
  'work-expired': 'detail',
  'request-failed': 'failure',

  // The store.
  'segment-created': 'detail',
  'segment-sealed': 'detail',
  'torn-tail-dropped': 'notice',
  'rot-found': 'failure',
  recovered: 'notice',
  'log-failed': 'failure',
  'disk-full': 'failure',
  'log-blocked': 'failure',
  'reserve-used': 'warning',
} as const satisfies Record<string, Weight>

export type Fact = keyof typeof FACTS

export type Fields = Readonly<Record<string, string | number | boolean>>

export interface Trace {
  record(fact: Fact, fields?: Fields): void
}
