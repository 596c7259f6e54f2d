/** The file of cluster keys: read as written, refused if it rotted, old or new in a crash. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { KeyRing } from '../../../src/dynamo/membership/key-ring.ts'
import { SimWorld } from '../../../src/sim/index.ts'
import { readKeyRing, writeKeyRing } from '../../../src/store/keys.ts'
import type { Directory } from '../../../src/world/disk.ts'

const FIRST = KeyRing.first(new Uint8Array(16).fill(1), new Uint8Array(16).fill(9))
const SECOND = FIRST.rotated(7, new Uint8Array(16).fill(7))

async function inDirectory(work: (directory: Directory) => Promise<void>): Promise<void> {
  const sim = new SimWorld({ seed: 1 })
  await sim.complete(sim.start(1).disk.directory('/data').then(work))
}

async function put(directory: Directory, text: string): Promise<void> {
  await directory.remove('keys')
  const file = await directory.create('keys')
  await file.write(0, utf8Bytes(text))
  await file.close()
}

async function textOf(directory: Directory): Promise<string> {
  const file = await directory.open('keys')
  const bytes = new Uint8Array(await file.size())
  await file.read(0, bytes, 0, bytes.length)
  await file.close()
  return utf8Text(bytes)
}

t.test('what is written is read, and replaced as a whole', async (t) => {
  await inDirectory(async (directory) => {
    t.equal(await readKeyRing(directory), undefined)
    for (const ring of [FIRST, SECOND]) {
      await writeKeyRing(directory, ring)
      t.same(await readKeyRing(directory), ring)
    }
    t.match(await textOf(directory), /^everwrite keys 1\nring [0-9a-f]+\ncrc32c [0-9a-f]{8}\n$/)
  })
})

t.test('a file with any byte changed, or cut, is `data-rotten`, and tells no key', async (t) => {
  await inDirectory(async (directory) => {
    await writeKeyRing(directory, SECOND)
    const text = await textOf(directory)
    const faulty = Array.from({ length: text.length }, (_, at) => {
      return text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1)
    })
    for (const cut of [1, 2, 20, text.length]) faulty.push(text.slice(0, -cut))
    faulty.push(`${text}\n`)
    for (const one of faulty) {
      await put(directory, one)
      const error = await readKeyRing(directory).catch((thrown: unknown) => thrown as Error)
      t.match(error, { code: 'data-rotten' }, JSON.stringify(one))
      t.notMatch((error as Error).message, /0707|0101/)
    }
  })
})

t.test('a power cut while it is replaced leaves the old keys or the new ones', async (t) => {
  const found = new Set<number>()
  for (let ms = 0; ms < 12; ms += 0.25) {
    const sim = new SimWorld({ seed: 7 })
    const first = sim.start(1)
    const open = (world: typeof first) => world.disk.directory('/data')
    await sim.complete(open(first).then((directory) => writeKeyRing(directory, FIRST)))
    sim.disk(1).slow(4)
    void open(first).then((directory) => writeKeyRing(directory, SECOND))
    await sim.run(ms)
    const ring = await sim.complete(open(sim.restart(1)).then(readKeyRing))
    found.add(ring?.keys.length ?? 0)
  }
  t.same(found, new Set([1, 2]), 'and both were seen')
})
