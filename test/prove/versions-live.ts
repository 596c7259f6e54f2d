/**
 * Shows on three real nodes that a put replaces only siblings that its client was shown.
 *
 * Each client asks one node after another directly, so that every node coordinates and none of
 * them alone could keep order.
 */
import { nodeId, startId } from '../../src/dynamo/names.ts'
import { hexOf, utf8Bytes, utf8Text } from '../../src/base/bytes.ts'
import { isOperatingError } from '../../src/base/errors.ts'
import { Prng } from '../../src/base/prng.ts'
import { ContextSeal } from '../../src/dynamo/version/context-seal.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import { LocalCluster } from '../support/local-cluster.ts'
import { NodeSession } from '../support/node-session.ts'
import type { Verdict } from './proof.ts'
import { copyOf } from '../../src/store/conformance/subject.ts'

const ROUNDS = 100
const CLIENTS = 2
const BLIND_PUTS = 30
const PAUSE_MS_MAX = 4
const BUCKET = utf8Bytes('versions')

/** A claim that was kept, or what broke it. */
interface Claim {
  readonly isKept: boolean
  readonly found: string
}

/** `seed` decides the pauses; the machine decides everything else. */
export async function tryLive(seed: number): Promise<Verdict> {
  const cluster = await LocalCluster.start({ nodes: 3 })
  const sessions: NodeSession[] = []
  try {
    for (let node = 0; node < cluster.size; node++) {
      sessions.push(await NodeSession.connect(cluster.config(node).clientListen))
    }
    const claims = [
      await interleave(sessions, seed),
      await putBlindly(sessions),
      await lieAboutContexts(sessions, cluster),
    ]
    return {
      isMet: claims.every((claim) => claim.isKept),
      figure: claims.map((claim) => claim.found).join(', '),
    }
  } finally {
    for (const session of sessions) session.close()
    await cluster.stop()
  }
}

/** A value is the set of changes that are in it, one a line. */
function changesOf(siblings: readonly Uint8Array[]): ReadonlySet<string> {
  return new Set(siblings.flatMap((value) => utf8Text(value).split('\n')))
}

/** Two clients read, add a change of their own, and write, each at its own pace. */
async function interleave(sessions: readonly NodeSession[], seed: number): Promise<Claim> {
  const key = utf8Bytes('interleaved')
  const seen = { most: 0, conflicts: 0, rounds: 0 }
  const work = async (client: number): Promise<void> => {
    const prng = Prng.of(seed, `client ${client}`)
    while (seen.rounds < ROUNDS) {
      const round = seen.rounds++
      const node = prng.pick(sessions)
      const { siblings, context } = await node.get(BUCKET, key)
      seen.most = Math.max(seen.most, siblings.length)
      if (siblings.length > 1) seen.conflicts += 1
      await pause(prng.below(PAUSE_MS_MAX))
      const merged = [...changesOf(siblings), `change ${round}`].join('\n')
      const contexts = context.length === 0 ? [] : [context.slice()]
      await prng.pick(sessions).put(BUCKET, key, utf8Bytes(merged), { contexts })
      await pause(prng.below(PAUSE_MS_MAX))
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => work(client)))
  let missing = 0
  for (const session of sessions) {
    const { siblings } = await session.get(BUCKET, key)
    seen.most = Math.max(seen.most, siblings.length)
    const changes = changesOf(siblings)
    for (let round = 0; round < ROUNDS; round++) {
      if (!changes.has(`change ${round}`)) missing += 1
    }
  }
  return {
    // Rounds that never overlap would show nothing.
    isKept: seen.most === CLIENTS && missing === 0 && seen.conflicts > 0,
    found:
      `${ROUNDS} interleaved rounds: at most ${seen.most} siblings (bar ${CLIENTS}), ` +
      `${missing} changes missing (bar 0), ${seen.conflicts} rounds met siblings`,
  }
}

/** Puts without a context through every node, two under way at any time. */
async function putBlindly(sessions: readonly NodeSession[]): Promise<Claim> {
  const key = utf8Bytes('blind')
  let next = 0
  const work = async (): Promise<void> => {
    while (next < BLIND_PUTS) {
      const put = next++
      const session = sessions[put % sessions.length] as NodeSession
      await session.put(BUCKET, key, utf8Bytes(`put ${put}`))
    }
  }
  await Promise.all([work(), work()])
  let overwritten = 0
  for (const session of sessions) {
    const { siblings } = await session.get(BUCKET, key)
    const there = changesOf(siblings)
    for (let put = 0; put < BLIND_PUTS; put++) if (!there.has(`put ${put}`)) overwritten += 1
  }
  return {
    isKept: overwritten === 0,
    found: `${BLIND_PUTS} blind puts: ${overwritten} overwritten (bar 0)`,
  }
}

/** Contexts that were not given for this key: each is refused, and every sibling stays. */
async function lieAboutContexts(
  sessions: readonly NodeSession[],
  cluster: LocalCluster,
): Promise<Claim> {
  const [session] = sessions as [NodeSession]
  const key = utf8Bytes('lied about')
  for (const value of ['one', 'two']) await session.put(BUCKET, key, utf8Bytes(value))
  const { context } = await session.get(BUCKET, key)
  const before = await shown(sessions, key)
  const elsewhere = await session.put(BUCKET, utf8Bytes('elsewhere'), utf8Bytes('x'))
  const lies: readonly (readonly [string, Uint8Array])[] = [
    ['context-garbled', utf8Bytes('not a context')],
    ['context-garbled', context.slice(0, context.length - 1)],
    ['context-forged', flipped(context)],
    ['context-other-cluster', sealed(key, 'local', new Uint8Array(16).fill(1))],
    ['context-foreign', elsewhere.context.slice()],
    ['context-other-cluster', sealed(key, 'elsewhere', cluster.config(0).clusterKey as Uint8Array)],
  ]
  const wrong: string[] = []
  for (const [expected, lie] of lies) {
    for (const node of sessions) {
      const got = await refusalOf(node.put(BUCKET, key, undefined, { contexts: [lie] }))
      if (got !== expected) wrong.push(`${expected} was ${got}`)
    }
  }
  const isHarmed = (await shown(sessions, key)) !== before
  return {
    isKept: wrong.length === 0 && !isHarmed,
    found:
      `${lies.length} kinds of false context through each node: ${wrong.length} taken or ` +
      `misnamed (bar 0)${wrong.length > 0 ? `: ${wrong[0]}` : ''}, siblings ` +
      (isHarmed ? 'HARMED' : 'unharmed'),
  }
}

/** The values that all nodes return for `key`, in one text. */
async function shown(sessions: readonly NodeSession[], key: Uint8Array): Promise<string> {
  const all: string[] = []
  for (const session of sessions) {
    const { siblings } = await session.get(BUCKET, key)
    all.push(
      siblings
        .map((value) => hexOf(value))
        .sort()
        .join(),
    )
  }
  return all.join('; ')
}

function flipped(context: Uint8Array): Uint8Array {
  const forged = context.slice()
  const last = forged.length - 1
  forged[last] = (forged[last] as number) ^ 1
  return forged
}

/** A context that covers all that any node could write, as a node of that cluster would seal it. */
function sealed(key: Uint8Array, cluster: string, clusterKey: Uint8Array): Uint8Array {
  const zero = '00'.repeat(8)
  const line = { node: nodeId(zero), start: startId(zero) }
  const all = Context.of([{ ...line, opened: 1, first: 1, last: 2 ** 40 }])
  const of = copyOf({ bucket: BUCKET, key })
  return new ContextSeal([{ id: 1, key: clusterKey }], cluster).seal(of, all)
}

async function refusalOf(put: Promise<unknown>): Promise<string> {
  try {
    await put
    return 'taken'
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return error.code
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
