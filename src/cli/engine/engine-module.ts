/** Load an engine that is not part of Everwrite: a module that exports `name` and `openEngine`. */
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { OperatingError } from '../../base/errors.ts'
import type { OtherEngine } from '../../config.ts'
import type { OpenEngine } from '../../store/engine.ts'

const OWN_NAMES: ReadonlySet<unknown> = new Set(['log', 'memory'])

/** Throws `config-wrong` if the file cannot be loaded or is no engine. */
export async function loadEngine(path: string): Promise<OtherEngine> {
  const exported = await imported(path)
  const { name, openEngine } = exported
  if (typeof openEngine !== 'function') throw wrong(path, 'exports no function openEngine')
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    throw wrong(path, 'exports no name of 1 to 32 lower-case letters, digits and hyphens')
  }
  if (OWN_NAMES.has(name)) throw wrong(path, `has the name of Everwrite's own engine ${name}`)
  return { name, open: openEngine as OpenEngine }
}

async function imported(path: string): Promise<Record<string, unknown>> {
  if (!existsSync(path)) throw wrong(path, 'is missing')
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (cause) {
    const { message } = cause as Error
    throw wrong(path, `cannot be loaded (${message})`, cause)
  }
}

function wrong(path: string, what: string, cause?: unknown): OperatingError {
  const sentence = `${path} ${what}: docs/write-an-engine.md says what an engine's module exports`
  return new OperatingError('config-wrong', sentence, { cause })
}
