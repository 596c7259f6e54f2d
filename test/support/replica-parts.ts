/** What a replica under test needs beside what its test is about. */
import { Floors } from '../../src/node/replica/floors.ts'
import { NamedStarts } from '../../src/node/replica/named-starts.ts'
import { Trees } from '../../src/node/replica/trees.ts'
import type { Engine } from '../../src/store/engine.ts'
import type { Clock } from '../../src/world/clock.ts'

export interface ReplicaParts {
  readonly trees: Trees
  readonly starts: NamedStarts
  readonly floors: Floors
  readonly rememberMs: number
}

/** Of a member that knows of no round. */
export function replicaParts(engine: Engine, clock: Clock, digestKey: Uint8Array): ReplicaParts {
  return {
    trees: new Trees(engine, digestKey),
    starts: new NamedStarts(engine),
    floors: new Floors({ directory: undefined, clock }),
    rememberMs: 10_000,
  }
}
