/** Frames of 100-byte bodies cut out of chunks, beside the same in TypeScript. */
import { frameWords, scanFrames, writeFrame } from '../src/native/frame-scanner.ts'
import { scanFrames as scanFramesPlain } from '../src/native/portable/frames.ts'
import { Random } from '../test/unit/native/rivals.ts'
import { chunkOf, FRAME_BYTES } from './frames.ts'
import { measure, sizeFrom, type Task } from './harness.ts'

const size = sizeFrom(process.argv)
const chance = new Random(2)

function tasksFor(count: number, kind: number): readonly Task[] {
  const chunk = chunkOf(chance, count, kind)
  const words = frameWords(count)
  const isKeyed = kind >= 32 && kind < 64
  const what = `${count} a chunk${isKeyed ? ', with tokens' : ''}`
  const task = (name: string, scan: typeof scanFrames): Task => ({
    name: `${name}, ${what}`,
    agrees: what,
    operations: count,
    run: () => {
      scan(chunk, 0, chunk.length, 1000, words)
      return words
    },
  })
  return [task('TypeScript', scanFramesPlain), task('scanFrames', scanFrames)]
}

const out = new Uint8Array(FRAME_BYTES)
const writing: Task = {
  name: 'writeFrame, one',
  run: () => {
    writeFrame(out, 0, 1, 0, 7, 100)
    return out
  },
}

await measure('Frames of 100-byte bodies', size, [
  ...tasksFor(1, 1),
  ...tasksFor(64, 1),
  ...tasksFor(512, 1),
  ...tasksFor(64, 33),
  writing,
])
