/**
 * What could go wrong at the boundary, for every function that crosses it: a wrong type, nothing at
 * all, a detached or shrunk buffer, zero length, the limit plus one, two copies, another thread.
 * Nothing of it may end the process or touch memory that was not given.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { addon, addonFault, findAddon, loadAddon } from '../../../src/native/addon.ts'
import type { Addon } from '../../../src/native/contract.ts'
import type { KeyDirectory } from '../../../src/native/key-directory.ts'
import type { MerkleTree } from '../../../src/native/merkle.ts'
import { tokenPlain } from './rivals.ts'

type Argument = 'bytes' | 'words' | 'number'

const addonPath = findAddon()
const directory = new addon.KeyDirectory() as KeyDirectory & Record<string, unknown>
const method = (name: string) => (directory[name] as Any).bind(directory)
const tree = new addon.MerkleTree(new Uint8Array(16)) as MerkleTree & Record<string, unknown>
const treeMethod = (name: string) => (tree[name] as Any).bind(tree)
type Any = (...args: unknown[]) => unknown

/** Every function, and the kinds of its arguments: `b` bytes, `w` words, `n` number. */
const FUNCTIONS: readonly (readonly [name: string, call: Any, kinds: string])[] = [
  ['md5Into', addon.md5Into as Any, 'bnnbn'],
  ['md5Batch', addon.md5Batch as Any, 'bwnb'],
  ['tokenInto', addon.tokenInto as Any, 'bbw'],
  ['token', addon.token as Any, 'bb'],
  ['crc32c', addon.crc32c as Any, 'bnn'],
  ['crc32cBy', addon.crc32cBy as Any, 'nbnn'],
  ['sipHash64Into', addon.sipHash64Into as Any, 'bbnnw'],
  ['sipHash128Into', addon.sipHash128Into as Any, 'bbnnbn'],
  ['scanFrames', addon.scanFrames as Any, 'bnnnw'],
  ['writeFrame', addon.writeFrame as Any, 'bnnnnn'],
  ['encodeRecord', addon.encodeRecord as Any, 'bnwbbbb'],
  ['verifyRecord', addon.verifyRecord as Any, 'bnnnnw'],
  ['scanRecords', addon.scanRecords as Any, 'bnnnnw'],
  ['scanMoved', addon.scanMoved as Any, 'bbw'],
  ['encodeMoved', addon.encodeMoved as Any, 'bwnbnnnnn'],
  ['tryLock', addon.tryLock as Any, 'n'],
  ['readResident', addon.readResident as Any, 'nnbnn'],
  ['KeyDirectory.insert', method('insert'), 'nnnn'],
  ['KeyDirectory.insertAll', method('insertAll'), 'wn'],
  ['KeyDirectory.find', method('find'), 'nnw'],
  ['KeyDirectory.soles', method('soles'), 'wnnw'],
  ['KeyDirectory.replace', method('replace'), 'nnnnnn'],
  ['KeyDirectory.remove', method('remove'), 'nnnn'],
  ['KeyDirectory.page', method('page'), 'nnw'],
  ['MerkleTree', (...args) => new addon.MerkleTree(...(args as [Uint8Array])), 'b'],
  ['MerkleTree.add', treeMethod('add'), 'nnnn'],
  ['MerkleTree.remove', treeMethod('remove'), 'nnnn'],
  ['MerkleTree.replace', treeMethod('replace'), 'nnnnnn'],
  ['MerkleTree.addAll', treeMethod('addAll'), 'wn'],
  ['MerkleTree.sum', treeMethod('sum'), 'nnw'],
  ['MerkleTree.sumsBelow', treeMethod('sumsBelow'), 'nnw'],
  ['MerkleTree.clearPrefix', treeMethod('clearPrefix'), 'nn'],
]

const KINDS: Record<string, Argument> = { b: 'bytes', w: 'words', n: 'number' }

/** The kinds behind letters like `bnw`. */
const kindsOf = (letters: string): Argument[] =>
  Array.from(letters, (letter) => KINDS[letter] as Argument)

/** Sixteen bytes are a key of SipHash, and enough of all else that 0 counts of it are wanted. */
const right = (kind: Argument): unknown =>
  kind === 'bytes'
    ? new Uint8Array(4096).subarray(0, 16)
    : kind === 'words'
      ? new Uint32Array(64)
      : 0

const detached = <View extends Uint8Array | Uint32Array>(view: View): View => {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] })
  return view
}

const WRONG: Record<Argument, readonly unknown[]> = {
  bytes: [
    undefined,
    null,
    1,
    'text',
    {},
    [],
    new ArrayBuffer(8),
    new DataView(new ArrayBuffer(8)),
    new Uint8ClampedArray(8),
    new Uint16Array(8),
    new Uint32Array(8),
    new Int8Array(8),
  ],
  words: [
    undefined,
    null,
    1,
    'text',
    {},
    [],
    new ArrayBuffer(64),
    new Uint8Array(64),
    new Int32Array(64),
    new Float32Array(64),
    new BigUint64Array(64),
  ],
  number: [undefined, null, '1', {}, [], 1n, true, Symbol('1'), new Uint8Array(8)],
}

t.test('these tests run over the compiled addon', async (t) => t.equal(addonFault, undefined))

t.test('a wrong type throws TypeError, in every place of every function', async (t) => {
  for (const [name, call, letters] of FUNCTIONS) {
    const kinds = kindsOf(letters)
    for (const [index, kind] of kinds.entries()) {
      for (const wrong of WRONG[kind]) {
        const args = kinds.map(right)
        args[index] = wrong
        t.throws(() => call(...args), TypeError, `${name}, argument ${index + 1}`)
      }
    }
    for (let count = 0; count < kinds.length; count++) {
      t.throws(() => call(...kinds.map(right).slice(0, count)), TypeError, `${name} of ${count}`)
    }
  }
})

t.test('a number that is no count throws RangeError, in every place', async (t) => {
  for (const [name, call, letters] of FUNCTIONS) {
    const kinds = kindsOf(letters)
    for (const [index, kind] of kinds.entries()) {
      if (kind !== 'number') continue
      for (const wrong of [-1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e300]) {
        const args = kinds.map(right)
        args[index] = wrong
        t.throws(() => call(...args), RangeError, `${name}(${wrong}), argument ${index + 1}`)
      }
    }
  }
})

t.test('a detached buffer has no room and no bytes', async (t) => {
  for (const [name, call, letters] of FUNCTIONS) {
    const kinds = kindsOf(letters)
    for (const [index, kind] of kinds.entries()) {
      if (kind === 'number') continue
      const args = kinds.map(right)
      args[index] = detached(kind === 'bytes' ? new Uint8Array(64) : new Uint32Array(64))
      // Some may well be empty; what matters is that the answer is a refusal or about nothing.
      try {
        call(...args)
        t.pass(`${name}, argument ${index + 1}, is about nothing`)
      } catch (error) {
        t.ok(error instanceof RangeError, `${name}, argument ${index + 1}, is refused`)
      }
    }
  }
  const input = detached(new Uint8Array(64))
  t.throws(() => addon.crc32c(input, 0, 1), RangeError)
  t.equal(addon.crc32c(input, 0, 0), 0)
  t.throws(() => addon.md5Into(new Uint8Array(1), 0, 1, input, 0), RangeError)
})

t.test('a view of a buffer that shrank ends where the buffer does', async (t) => {
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(length: number): void }
  const buffer = new Resizable(4096, { maxByteLength: 8192 })
  const tracking = new Uint8Array(buffer)
  const fixed = new Uint8Array(buffer, 1024, 1024)
  buffer.resize(1500)
  t.throws(() => addon.crc32c(tracking, 0, 1501), RangeError)
  t.equal(addon.crc32c(tracking, 0, 1500), addon.crc32c(new Uint8Array(1500), 0, 1500))
  t.throws(() => addon.crc32c(fixed, 0, 1), RangeError)
})

t.test('the limit is right, and one more is refused', async (t) => {
  const bytes = new Uint8Array(64)
  const words = new Uint32Array(16)
  t.doesNotThrow(() => addon.md5Into(bytes, 64, 0, bytes, 48))
  t.throws(() => addon.md5Into(bytes, 65, 0, bytes, 48), RangeError)
  t.throws(() => addon.md5Into(bytes, 0, 65, bytes, 48), RangeError)
  t.throws(() => addon.md5Into(bytes, 1, 64, bytes, 48), RangeError)
  t.throws(() => addon.md5Into(bytes, 64, 0, bytes, 49), RangeError)
  t.throws(() => addon.tokenInto(bytes, bytes, words.subarray(0, 1)), RangeError)
  t.throws(() => addon.sipHash64Into(bytes, bytes, 0, 1, words), RangeError, 'a key of 64 bytes')
  t.throws(() => addon.sipHash64Into(bytes.subarray(0, 15), bytes, 0, 1, words), RangeError)
  const key = bytes.subarray(0, 16)
  t.throws(() => addon.sipHash64Into(key, bytes, 0, 1, words.subarray(0, 1)), RangeError)
  t.throws(() => addon.sipHash128Into(key, bytes, 0, 1, bytes, 49), RangeError)
  t.throws(() => addon.crc32cBy(addon.crc32cVariants.length, bytes, 0, 1), RangeError)
  t.throws(() => addon.md5Batch(bytes, words, 1, bytes, addon.md5Lanes.length), RangeError)

  t.throws(() => addon.scanFrames(bytes, 0, 65, 100, words), RangeError)
  t.throws(() => addon.scanFrames(bytes, 2, 1, 100, words), RangeError)
  t.doesNotThrow(() => addon.scanFrames(bytes, 0, 64, 2 ** 32 - 25, words.subarray(0, 12)))
  t.throws(() => addon.scanFrames(bytes, 0, 64, 2 ** 32 - 24, words), RangeError)
  t.throws(() => addon.scanFrames(bytes, 0, 64, 100, words.subarray(0, 11)), RangeError)
  t.doesNotThrow(() => addon.writeFrame(bytes, 0, 255, 65_535, 2 ** 32 - 1, 40))
  t.throws(() => addon.writeFrame(bytes, 1, 0, 0, 0, 40), RangeError)
  t.throws(() => addon.writeFrame(bytes, 0, 0, 0, 0, 41), RangeError)
  t.throws(() => addon.writeFrame(bytes, 0, 0, 0, 0, 2 ** 32 - 25), RangeError)
  t.throws(() => addon.writeFrame(bytes, 0, 256, 0, 0, 0), RangeError)
  t.throws(() => addon.writeFrame(bytes, 0, 0, 65_536, 0, 0), RangeError)
  t.throws(() => addon.writeFrame(bytes, 0, 0, 0, 2 ** 32, 0), RangeError)

  t.throws(() => addon.verifyRecord(bytes, 0, 65, 0, 0, words), RangeError)
  t.throws(() => addon.verifyRecord(bytes, 0, 64, 0, 0, words.subarray(0, 11)), RangeError)
  t.throws(() => addon.scanRecords(bytes, 0, 64, 0, 0, words.subarray(0, 14)), RangeError)
})

t.test('the words of a token cannot be taken from under the addon', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'copy.node')
  copyFileSync(addonPath, path)
  const copy = loadAddon(path)
  // Lines of Node.js differ: some refuse to transfer such memory, some copy it.
  try {
    detached(copy.tokenWords as Uint32Array)
  } catch (error) {
    t.match(error, { name: 'DataCloneError' })
  }
  const key = new Uint8Array(1)
  copy.token(key, key)
  if (copy.tokenWords.length === 2) t.same([...copy.tokenWords], tokenPlain(key, key))
  t.pass('the process lives')
})

t.test('two copies of the addon live side by side and are strangers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'copy.node')
  copyFileSync(addonPath, path)
  const copy = loadAddon(path)
  t.not(copy.KeyDirectory, addon.KeyDirectory)
  t.equal(copy.crc32c(Buffer.from('123456789'), 0, 9), 0xe3069283)
  const ours = new addon.KeyDirectory() as KeyDirectory
  const theirs = new copy.KeyDirectory() as KeyDirectory
  ours.insert(1, 2, 3, 4)
  t.same([ours.size, theirs.size], [1, 0])
  t.throws(() => ours.find.call(theirs, 1, 2, new Uint32Array(2)), TypeError)
  t.not(copy.MerkleTree, addon.MerkleTree)
})

t.test('a worker thread has functions and directories of its own', async (t) => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const addon = require(workerData)
    const directory = new addon.KeyDirectory()
    for (let i = 0; i < 50000; i++) directory.insert(i * 65536, i, 1, i)
    parentPort.postMessage([directory.size, addon.crc32c(Buffer.from('123456789'), 0, 9)])`
  for (let i = 0; i < 2; i++) {
    const worker = new Worker(code, { eval: true, workerData: addonPath })
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    const answer = await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    await ended
    t.same(answer, [50_000, 0xe3069283])
  }
})

t.test('a file that is missing or strange is refused in words that help', async (t) => {
  t.throws(() => loadAddon('/nowhere/everwrite.node'), { message: /nowhere.everwrite.node/ })
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'old.json')
  const { writeFileSync } = await import('node:fs')
  writeFileSync(path, JSON.stringify({ abi: 0 } satisfies Partial<Addon>))
  t.throws(() => loadAddon(path), { message: /abi 0, this code wants \d/ })
})
