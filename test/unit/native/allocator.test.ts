/** Freed memory is used again: counted in page faults, in processes of their own. */
import { spawnSync } from 'node:child_process'
import t from 'tap'

const BLOCK_BYTES = 8 * 1024 * 1024
const PAGE_BYTES = 4096
/** Freed at once: more than glibc keeps by itself. */
const BLOCKS = 6
const ROUNDS = 10

/** Page faults for each block that is taken, filled and freed; undefined: it cannot be set. */
function faults(isKept: boolean): number | undefined {
  const { href } = new URL('../../../src/native/allocator.js', import.meta.url)
  const code = `
    import { keepFreedMemory } from '${href}'
    if (${isKept} && !keepFreedMemory(${8 * BLOCK_BYTES})) process.exit(9)
    async function use(rounds) {
      for (let i = 0; i < rounds; i++) {
        for (let k = 0; k < ${BLOCKS}; k++) new Uint8Array(${BLOCK_BYTES}).fill(1)
        gc()
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    await use(5)
    const before = process.resourceUsage().minorPageFault
    await use(${ROUNDS})
    console.log((process.resourceUsage().minorPageFault - before) / ${BLOCKS * ROUNDS})`
  const args = ['--expose-gc', '--input-type=module', '--eval', code]
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return status === 0 ? Number(stdout) : undefined
}

t.test('memory that was freed is used again without page faults', async (t) => {
  const kept = faults(true)
  if (kept === undefined) {
    t.pass('this C library cannot be told')
    return
  }
  const unkept = faults(false) as number
  const pages = BLOCK_BYTES / PAGE_BYTES
  t.ok(kept < pages / 10, `${kept} of ${pages} pages`)
  t.ok(unkept > 2 * kept, `without it ${unkept}`)
})
