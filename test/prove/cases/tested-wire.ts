/** Cases of the wire that a named test shows. */
import type { TestedRow } from './case.ts'

export const TESTED_WIRE: readonly TestedRow[] = [
  [
    'W1',
    'half-received messages of many connections',
    'unit/wire/chunks',
    'messages that are received have one bound together, and wait for each other',
  ],
  [
    'W1',
    'a long value is read before there is memory for it',
    'unit/store/log/log',
    'a long record is read once there is room for it, a short one at once',
  ],
  [
    'W2',
    'a reader that takes its bytes slowly, and one that takes none',
    'unit/wire/slow',
    'the acceptor stops reading from a slow reader, and drops one that never reads',
  ],
  [
    'W2',
    'many large values at once outlast the attempts',
    'unit/client/attempts',
    'an attempt lasts longer while bytes move on its connection',
  ],
  [
    'W3',
    'a page of entries above 1 MiB',
    'unit/node/coordinator/scan-pages',
    'a page ends before the entry that would pass 1 MiB; a larger one is alone',
  ],
  [
    'W4',
    'more than 1,024 calls to the other nodes',
    'unit/node/coordinator/reasons',
    'too many calls to the others are told as overload, and nothing is applied',
  ],
  [
    'W4',
    'a rotten copy at n=1',
    'unit/node/coordinator/reasons',
    'a copy that has rotted is told as such, where it is the only one',
  ],
  [
    'W4',
    'which nodes failed, and why',
    'unit/node/coordinator/reasons',
    'a failure tells how many answered, and why each of the others did not',
  ],
  [
    'W5',
    'a call that has not begun is cancelled',
    'unit/wire/session',
    'a call that has not begun can be cancelled, one that has goes on',
  ],
  [
    'W5',
    'an aborted call goes on at its node',
    'unit/client/attempts',
    'what a call does not need any more is cancelled',
  ],
  [
    'W5',
    'a paused node is asked for a quarter of a minute',
    'unit/node/cluster/silent',
    'a paused node is avoided within 2 s, and used again within 1 s',
  ],
  [
    'W5',
    'a node that is cut off is asked for a quarter of a minute',
    'unit/node/cluster/silent',
    'a node that is cut off is avoided within 2 s, and used again within 1 s',
  ],
  [
    'W5',
    'an idle client does not notice that a node has stopped',
    'unit/client/routing',
    'an idle node that does not answer is dropped and dialled again',
  ],
  [
    'W5',
    'a call that was never taken is in doubt after a goodbye',
    'unit/wire/session',
    'calls above the last that a goodbye names are certainly not done',
  ],
  [
    'W5',
    'the ring changes and a client does not learn of it',
    'unit/client/routing',
    'an answer that tells of another ring makes the client ask for it',
  ],
  [
    'W6',
    'a call id in flight twice, or 0',
    'unit/wire/session',
    'the ids of calls ascend, or the connection ends',
  ],
  [
    'W6',
    'empty chunks, wrong lengths, no announcement',
    'unit/wire/chunks',
    'a sender that breaks the rules of chunks loses its connection',
  ],
  [
    'W6',
    'a made-up cursor',
    'unit/node/coordinator/scan-pages',
    'a cursor that no page of this bucket gave is refused',
  ],
  [
    'W6',
    'a wrong wire type of a known field',
    'unit/wire/convert-fields',
    'a known field of a wrong wire type is refused, an unknown field is passed over',
  ],
  [
    'W6',
    'MORE or a call id in a frame of the handshake',
    'unit/wire/handshake',
    'a faulty handshake ends with a goodbye and the expected code',
  ],
  [
    'W6',
    'the context of another cluster',
    'unit/dynamo/version/context-seal',
    'D12: a context of another cluster says so, by its name or its key',
  ],
  [
    'W7',
    'a stranger asks who a node is',
    'unit/wire/handshake-proof',
    'P9 a connector tells an impostor nothing but formats and limits',
  ],
  [
    'W9',
    'five copies of 16 MiB, merged',
    'unit/node/coordinator/many-bytes',
    'D13: a get of five copies of 16 MiB gives the siblings that fit a message',
  ],
]
