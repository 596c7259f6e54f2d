/** A replica that hands a place over, or does not own it: it takes and answers nothing there. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../../../src/dynamo/ring/partition.ts'
import { NEVER_CREATED, nodeId } from '../../../../src/dynamo/names.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { KeyRange } from '../../../../src/node/replica/copies.ts'
import { Hints } from '../../../../src/node/replica/hints.ts'
import { Replica } from '../../../../src/node/replica/replica.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { replicaParts } from '../../../support/replica-parts.ts'
import { dot, object, range, sibling } from '../../dynamo/version/samples.ts'
import { nameOf } from '../scene.ts'

const DIGEST_KEY = new Uint8Array(16)
const NEVER = Number.POSITIVE_INFINITY
const COPY = copyOf(nameOf('k'))
const BROUGHT = object([range(1, 1, 1)], sibling('x', dot(1, 1)))

class Bench {
  readonly replica: Replica
  isOpen = true

  constructor() {
    const { clock, entropy, trace } = new SimWorld({ seed: 5 }).start(1)
    const engine = new MemoryEngine()
    this.replica = new Replica({
      ...{ engine, clock, entropy, trace, node: nodeId('aaaaaaaaaaaaaaaa'), digestKey: DIGEST_KEY },
      ...replicaParts(engine, clock, DIGEST_KEY),
      counters: new Counters(),
      hints: new Hints(engine, clock, 1 << 20),
      isWhole: () => true,
      isOpen: () => this.isOpen,
      isOpenRange: () => this.isOpen,
      mend: () => Promise.resolve(false),
    })
  }

  /** `ok`, or the code with which it fails. */
  async try(act: (replica: Replica) => unknown): Promise<string> {
    try {
      await act(this.replica)
      return 'ok'
    } catch (error) {
      if (!isOperatingError(error)) throw error
      return error.code
    }
  }
}

const REQUEST = { requestId: 'r'.padEnd(16, '.'), isRepeat: false, value: utf8Bytes('v') }
const RANGE: KeyRange = {
  ...{ from: FIRST_TOKEN, to: LAST_TOKEN, bucket: new Uint8Array(0), creation: NEVER_CREATED },
  ...{ n: 3, keysMax: 10, withValues: true },
}

const DEEDS: Readonly<Record<string, (replica: Replica) => unknown>> = {
  write: (replica) => replica.write(COPY, { ...REQUEST, seen: Context.empty }, NEVER),
  'a write of another member': (replica) => replica.merge(COPY, BROUGHT, 'sent', NEVER),
  'a hint that comes home': (replica) => replica.merge(COPY, BROUGHT, 'home', NEVER),
  read: (replica) => replica.read(COPY),
  digest: (replica) => replica.digest(COPY),
  scan: (replica) => replica.scan(RANGE),
}

for (const [name, act] of Object.entries(DEEDS)) {
  t.test(`a closed place refuses: ${name}`, async (t) => {
    const bench = new Bench()
    bench.isOpen = false
    t.equal(await bench.try(act), 'ring-differs')
    bench.isOpen = true
    t.equal(await bench.try(act), 'ok')
  })
}

t.test('the answer to a question of its own is taken, closed or not', async (t) => {
  const bench = new Bench()
  bench.isOpen = false
  t.equal(await bench.try((replica) => replica.merge(COPY, BROUGHT, 'asked', NEVER)), 'ok')
})

t.test('a write that waited while its place was closed is refused', async (t) => {
  const bench = new Bench()
  const { replica } = bench
  const first = replica.write(COPY, { ...REQUEST, seen: Context.empty }, NEVER)
  bench.isOpen = false
  const again = { ...REQUEST, requestId: 's'.padEnd(16, '.'), seen: Context.empty }
  t.equal(await bench.try(() => replica.write(COPY, again, NEVER)), 'ring-differs')
  await first
})

t.test('a scan that reads while its place is handed over is refused', async (t) => {
  const bench = new Bench()
  const page = bench.replica.scan(RANGE)
  bench.isOpen = false
  t.equal(await bench.try(() => page), 'ring-differs')
})
