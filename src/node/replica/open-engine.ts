/**
 * Opens the engine that a configuration names, in a directory that must be this node's own.
 */
import { unreachable } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import { joinBytes, utf8Bytes } from '../../base/bytes.ts'
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { sipHash128Into } from '../../native/digest.ts'
import type { Engine, EngineOptions } from '../../store/engine.ts'
import { openIdentity } from '../../store/identity.ts'
import { MemoryEngine } from '../../store/memory/memory.ts'
import { openLog } from '../../store/log/open-log.ts'
import type { World } from '../../world/world.ts'

/**
 * Resolves when everything that survived is there and durable. Fails with `data-locked`,
 * `data-foreign`, `data-newer`, `data-rotten` or `disk-full`; nothing is then changed.
 */
export async function openEngine(config: Config, self: NodeId, world: World): Promise<Engine> {
  const { engine } = config
  if (typeof engine === 'object') {
    return engine.open(await optionsOf(config, engine.name, self, world))
  }
  switch (engine) {
    case 'memory':
      return new MemoryEngine()
    case 'log': {
      const options = await optionsOf(config, engine, self, world)
      const opened = await openLog({ ...options, segmentBytes: config.segmentBytes })
      return opened.engine
    }
    default:
      return unreachable(engine)
  }
}

async function optionsOf(
  config: Config,
  engine: string,
  self: NodeId,
  { clock, disk, trace }: World,
): Promise<EngineOptions> {
  const { cluster } = config
  const directory = await disk.directory(config.directory)
  const identity = await openIdentity(directory, { cluster, engine, newNodeId: () => self })
  if (identity.node !== self) {
    throw new OperatingError(
      'data-foreign',
      `${config.directory} holds the data of member ${identity.node}; this node is ` +
        `${config.name} (${self}): give it its own directory`,
    )
  }
  return { directory, clock, trace, digestKey: digestKeyOf(config) }
}

/**
 * The key under which replicas digest their objects: the same on all nodes of a cluster, so that
 * equal copies have equal digests, and unknown outside of it.
 */
export function digestKeyOf({ clusterKey, cluster }: Config): Uint8Array {
  const label = joinBytes([utf8Bytes('everwrite object digest\0'), utf8Bytes(cluster)])
  const key = new Uint8Array(16)
  sipHash128Into(clusterKey, label, 0, label.length, key, 0)
  return key
}
