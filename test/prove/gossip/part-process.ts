/** A part of the proof in a process of its own: two run at once, each of any build. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Verdict } from '../proof.ts'
import type { PartName } from './parts.ts'

const execute = promisify(execFile)

/** Of a large cluster much is garbage soon: with room for it less is copied. */
const YOUNG = '--max-semi-space-size=64'

export async function runPart(
  part: PartName,
  size: 'full' | 'short',
  seed: number,
  build: string,
  say: (line: string) => void = () => undefined,
): Promise<Verdict> {
  const script = join(build, 'dist/test/prove/gossip/run-part.js')
  const args = [YOUNG, script, part, size, String(seed)]
  const { stdout, stderr } = await execute(process.execPath, args)
  for (const line of stderr.trimEnd().split('\n')) if (line !== '') say(line)
  return JSON.parse(stdout) as Verdict
}
