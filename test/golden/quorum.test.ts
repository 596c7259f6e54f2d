/** Dialogues with the rounds of a get and of a put (`quorum-get.txt`, `quorum-put.txt`). */
import { nodeId, type NodeId, startId } from '../../src/dynamo/names.ts'
import type { Digest } from '../../src/native/digest.ts'
import { u64 } from '../../src/base/u64.ts'
import { type Ask, type CopyAnswer, GetRound } from '../../src/dynamo/quorum/get.ts'
import { PutRound } from '../../src/dynamo/quorum/put.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import { merge } from '../../src/dynamo/version/merge.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import { put } from '../../src/dynamo/version/put.ts'
import { type Machine, playDialogues, type Step, wordsOf } from './dialogue.ts'

/** Dialogues call members by single letters. */
function ownersIn(named: ReadonlyMap<string, string>): readonly NodeId[] {
  return (named.get('owners')?.split(',') ?? []) as NodeId[]
}

/** The object after these concurrent writes, such as '1+2'. */
function objectOf(writes: string): VersionedObject {
  return writes.split('+').map(firstWrite).reduce(merge)
}

function firstWrite(number: string): VersionedObject {
  const written = put(undefined, undefined, {
    node: nodeId(number.repeat(16)),
    start: startId(number.repeat(16)),
    counter: 1,
    requestId: number.repeat(16),
    isRepeat: false,
    time: 0,
    value: Uint8Array.of(Number(number)),
    seen: Context.empty,
  })
  if (written.kind !== 'written') throw new Error('a first write succeeds')
  return written.object
}

function answerOf(kind: string, writes: string | undefined): CopyAnswer {
  const digest: Digest = u64(0, Number((writes ?? '').replaceAll('+', '0')))
  switch (kind) {
    case 'object':
      return { kind, object: objectOf(writes as string), digest }
    case 'digest':
      return { kind, digest }
    case 'absent':
      return { kind }
    case 'failed':
      return { kind, code: 'peer-away' }
    default:
      throw new Error(`no such answer: ${kind}`)
  }
}

function stateOf({ outcome, soFar }: GetRound): string {
  if (outcome.kind === 'waiting') return 'waiting'
  if (outcome.kind === 'short') return `short, ${soFar.answered} answered`
  const values = outcome.object?.siblings.map(({ value }) => value?.[0]).toSorted()
  const behind = outcome.behind.length === 0 ? 'none' : outcome.behind.join(' ')
  return `answered, siblings: ${values?.join(' ') ?? 'none'}; behind: ${behind}`
}

function getMachine(): Machine {
  let round: GetRound | undefined
  const step = (asks: readonly Ask[], of: GetRound): Step => ({
    outputs: asks.map((ask) => `ask ${ask.node} for its ${ask.digestOnly ? 'digest' : 'object'}`),
    state: stateOf(of),
  })
  return (input) => {
    const { bare, named } = wordsOf(input)
    if (round === undefined) {
      round = new GetRound(ownersIn(named), Number(named.get('r')))
      return step(round.begin(), round)
    }
    if (input === 'late') return step(round.onLate(), round)
    const [node, kind, writes] = bare as [string, string, string | undefined]
    return step(round.onAnswer(node.replace(':', '') as NodeId, answerOf(kind, writes)), round)
  }
}

function putMachine(): Machine {
  let round: PutRound | undefined
  return (input) => {
    const { bare, named } = wordsOf(input)
    if (round === undefined) {
      round = new PutRound(ownersIn(named), Number(named.get('w')))
    } else {
      const node = (bare[0] as string).replace(':', '') as NodeId
      if (bare[1] === 'held') round.onHeld(node)
      else round.onFailed(node, 'peer-away')
    }
    return { outputs: [], state: `${round.verdict()}, ${round.held} held` }
  }
}

playDialogues('quorum-get.txt', getMachine)
playDialogues('quorum-put.txt', putMachine)
