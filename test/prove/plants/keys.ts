/** Plants about cluster keys: when they sign, what is durable, and to whom they are told. */
import type { Plant } from './plant.ts'

const SPREAD = 'test/unit/node/cluster/cluster-keys.test.ts'
const RINGS = 'test/unit/dynamo/membership/key-ring.test.ts'
const ALONE = 'test/unit/node/cluster/cluster-keys-alone.test.ts'

export const KEYS: readonly Plant[] = [
  {
    name: 'a key signs before all members have it',
    find: 'compareKeys(key, ring.signer) > 0 && this.waitedFor(key, others, mark).length === 0',
    replace: 'compareKeys(key, ring.signer) > 0',
    why: 'a member is shown contexts that it cannot verify',
  },
  {
    name: 'a key is told before it is durable',
    find: 'if (directory !== undefined) await writeKeyRing(directory, next)',
    replace: 'if (directory !== undefined) void writeKeyRing(directory, next).catch(() => {})',
    why: 'after a power cut a member lacks a key that signs by then',
    caughtBy: ALONE,
  },
  {
    name: 'a member counts that knows other members',
    find: 'told === undefined || !told.has.includes(id) || !equalU64(told.members, mark)',
    replace: 'told === undefined || !told.has.includes(id)',
    why: 'one that was just let in is shown what it cannot verify',
    caughtBy: ALONE,
  },
  {
    name: 'a joiner gets one key only',
    find: 'const keys = keyRingBytes(held.ring)',
    replace:
      'const keys = keyRingBytes(new held.ring.constructor({ ...held.ring,' +
      ' keys: [held.ring.signer], signer: held.ring.signer.id }))',
    why: 'it cannot verify what older keys have signed, or the next one will',
    caughtBy: SPREAD,
  },
  {
    name: 'the lower of two keys signs',
    find: 'const [signer] = [this.signer, other.signer].toSorted((a, b) => compareKeys(b, a))',
    replace: 'const [signer] = [this.signer, other.signer].toSorted(compareKeys)',
    why: 'members never end with one key',
    caughtBy: RINGS,
  },
  {
    name: 'a drop is undone by a merge',
    find: '.filter((key) => compareKeys(key, dropped) > 0)',
    replace: '',
    why: 'a key that was dropped verifies again once an old ring comes',
    caughtBy: RINGS,
  },
  {
    name: 'a key is dropped while a member signs with it',
    find: 'const unsure = [...new Set([...away, ...signing])]',
    replace: 'const unsure = away',
    why: 'what that member signs is refused by all others',
    caughtBy: ALONE,
  },
  {
    name: 'a key is dropped while a member is away',
    find: 'const unsure = [...new Set([...away, ...signing])]',
    replace: 'const unsure = signing',
    why: 'its disk may be emptied, and then it is not let in',
    caughtBy: SPREAD,
  },
  {
    name: 'an emptied member counts by what it told before',
    find: 'this.#standings.forget(member)',
    replace: '',
    why: 'a key signs that it has lost',
    caughtBy: ALONE,
  },
  {
    name: 'the lost answer of a rotation makes a second key',
    find: 'if (ring.newest.id !== newest) return',
    replace: '',
    why: 'keys fill up by repeats',
    caughtBy: SPREAD,
  },
  {
    name: 'contexts are signed by the first key for ever',
    find: 'for (const one of [seal, receipts, cursors]) one.use(keys)',
    replace: '',
    why: 'dropping that key takes away what is signed now',
    caughtBy: SPREAD,
  },
  {
    name: 'a handshake proves keys that were dropped',
    find: 'const chosen = offered.find((id) => theirs.includes(id)) ?? refuseKeys()',
    replace: 'const chosen = theirs[0]',
    why: 'peers do not connect where the connector has a key of its own',
    caughtBy: 'test/unit/wire/key-chosen.test.ts',
  },
  {
    name: 'two rings are sealed under one pad',
    find: '[...this.#head(side), nonce, u32(at / BLOCK_BYTES)]',
    replace: '[...this.#head(side), u32(at / BLOCK_BYTES)]',
    why: 'who records both has their difference',
    caughtBy: 'test/unit/wire/key-seal.test.ts',
  },
  {
    name: 'any configured key is taken',
    find: 'if (equalSecrets(kept.digestKey, digestKey)) return',
    replace: 'return',
    why: 'a key file of another cluster goes unnoticed',
    caughtBy: 'test/unit/node/cluster/held-keys.test.ts',
  },
  {
    name: 'a member is asked once',
    find: 'if (this.#isPending || this.#behind.length > 0) this.#askLater()',
    replace: '',
    why: 'a key waits for ever for a member that learned of another one late',
    caughtBy: SPREAD,
  },
]
