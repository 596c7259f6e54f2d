/** The file that says how far bulk transfers are. */
import t from 'tap'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { nodeId } from '../../../src/dynamo/names.ts'
import { type KeptTransfer, readTransfers, writeTransfers } from '../../../src/store/transfers.ts'
import { Lab } from './lab.ts'

const A = nodeId('a'.repeat(16))
const KEPT: readonly KeptTransfer[] = [
  { from: A, n: 3, bits: 8, done: [0, 9, 255], pass: undefined },
  {
    from: nodeId('b'.repeat(16)),
    n: 1,
    bits: 16,
    done: [],
    pass: {
      partitions: [7, 65_535],
      next: { segment: 2, offset: 1056 },
      end: { segment: 17, offset: 2 ** 30 },
    },
  },
]

t.test('what was kept is read again; what is garbled is nothing', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const directory = await lab.directory()
      t.same(await readTransfers(directory), [])
      await writeTransfers(directory, KEPT)
      t.same(await readTransfers(directory), KEPT)
      const bytes = await lab.read('transfers')
      for (let at = 0; at < bytes.length; at += 7) {
        const changed = bytes.slice()
        changed[at]! ^= 4
        await lab.write('transfers', changed)
        t.same(await readTransfers(directory), [], `byte ${at}`)
      }
      await lab.write('transfers', utf8Bytes(''))
      t.same(await readTransfers(directory), [])
      await writeTransfers(directory, [])
      t.same(await readTransfers(directory), [])
    })(),
  )
})

t.test('of very many some are kept', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const directory = await lab.directory()
      const [one] = KEPT as [KeptTransfer, KeptTransfer]
      await writeTransfers(
        directory,
        Array.from({ length: 1_000 }, () => one),
      )
      t.equal((await readTransfers(directory)).length, 64)
    })(),
  )
})
