/** The files of a node that has joined: read as they were written, and refused if they rotted. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { memberRecord, MemberState } from '../../../src/dynamo/membership/member-record.ts'
import { nodeId } from '../../../src/dynamo/names.ts'
import { SimWorld } from '../../../src/sim/index.ts'
import { type Joining, readJoining, writeJoining } from '../../../src/store/joining.ts'
import type { Directory } from '../../../src/world/disk.ts'

const BEGUN: Joining = {
  cluster: 'a "quoted" name',
  node: nodeId('0123456789abcdef'),
  letIn: undefined,
}
const facts = { host: '10.0.0.9', clientPort: 7400, peerPort: 7500, machine: 'm', zone: 'ü' }
const records = ['one', 'two "three"'].map((name, i) => {
  const id = nodeId(`0123456789abcde${i}`)
  const written = { by: id, sponsor: id, version: i + 1, state: MemberState.joined }
  return memberRecord({ ...facts, id, name, weight: 1.5, ...written })
})
const placed = [{ name: 'one', machine: 'm', zone: '', weight: 1 }]
const placement = { partitions: 256, members: placed, n: 3, buckets: { 'a\nb': 2 } }
const LET_IN: Joining = { ...BEGUN, letIn: { placement, records } }

async function textOf(directory: Directory, name: string): Promise<string> {
  const file = await directory.open(name)
  const bytes = new Uint8Array(await file.size())
  await file.read(0, bytes, 0, bytes.length)
  await file.close()
  return utf8Text(bytes)
}

async function put(directory: Directory, name: string, text: string): Promise<void> {
  await directory.remove(name)
  const file = await directory.create(name)
  await file.write(0, utf8Bytes(text))
  await file.sync()
  await file.close()
}

async function inDirectory(work: (directory: Directory) => Promise<void>): Promise<void> {
  const sim = new SimWorld({ seed: 5 })
  await sim.complete(sim.start(1).disk.directory('/data').then(work))
}

t.test('what is written is read, before and after the answer', async (t) => {
  await inDirectory(async (directory) => {
    t.equal(await readJoining(directory), undefined)
    await writeJoining(directory, BEGUN)
    t.same(await readJoining(directory), BEGUN)
    await writeJoining(directory, LET_IN)
    t.same(await readJoining(directory), LET_IN)
  })
})

t.test('a file with any byte changed, cut, or missing is `data-rotten`', async (t) => {
  await inDirectory(async (directory) => {
    await writeJoining(directory, LET_IN)
    const text = await textOf(directory, 'join')
    const faulty = Array.from({ length: text.length }, (_, at) => {
      return text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1)
    })
    for (const cut of [1, 2, 20, text.length]) faulty.push(text.slice(0, -cut))
    faulty.push(`${text}\n`)
    for (const one of faulty) {
      await put(directory, 'join', one)
      await t.rejects(readJoining(directory), { code: 'data-rotten' }, JSON.stringify(one))
    }
  })
})
