/** What a node takes from its configuration: room for hints and messages, and paces. */
import type { Config } from '../config.ts'
import { HINT_BYTES_MIN } from '../limits.ts'
import { type SessionMemory, sessionMemory } from '../wire/session-memory.ts'
import type { OpenedEngine } from './replica/open-engine.ts'

/** A tenth of the disk, or what the configuration says. */
export async function hintBytesOf(
  { hintBytes }: Config,
  { engine, directory }: OpenedEngine,
): Promise<number> {
  if (hintBytes !== undefined) return hintBytes
  const free = (await directory?.freeBytes().catch(() => 0)) ?? 0
  return Math.max(HINT_BYTES_MIN, Math.floor((free + engine.report().bytes) / 10))
}

/** For the messages of clients, or of other members. */
export function memoryOf({ windowBytes, messageBytes }: Config): SessionMemory {
  return sessionMemory(windowBytes, messageBytes)
}

/** How often the background works. */
export function pacesOf({ exchangeMs, roundMs, rememberMs, cleanMs }: Config) {
  return { exchangeMs, roundMs, rememberMs, cleanMs }
}
