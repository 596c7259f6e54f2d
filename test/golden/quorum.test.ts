/** Dialogues with the rounds of a get and of a put (`quorum-get.txt`, `quorum-put.txt`). */
import { nodeId, type NodeId, startId, Policy } from '../../src/dynamo/names.ts'
import type { Digest } from '../../src/native/digest.ts'
import { u64 } from '../../src/base/u64.ts'
import type { CopyAnswer } from '../../src/dynamo/quorum/answers.ts'
import type { Fallbacks } from '../../src/dynamo/quorum/fallbacks.ts'
import { type GetAsk, GetRound } from '../../src/dynamo/quorum/get.ts'
import { type PutAsk, PutRound } from '../../src/dynamo/quorum/put.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import { merge } from '../../src/dynamo/version/merge.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import { put } from '../../src/dynamo/version/put.ts'
import { type Machine, playDialogues, type Step, wordsOf } from './dialogue.ts'

/** Dialogues call a member by the letter of its machine; a second one there has a number too. */
function membersIn(named: ReadonlyMap<string, string>, list: string): readonly NodeId[] {
  return (named.get(list)?.split(',') ?? []) as NodeId[]
}

/** Undefined where none are named: the request is strict. */
function fallbacksIn(named: ReadonlyMap<string, string>): Fallbacks | undefined {
  if (!named.has('fallbacks')) return undefined
  const away = membersIn(named, 'away')
  return {
    members: membersIn(named, 'fallbacks'),
    machineOf: (node) => node.charAt(0),
    canAsk: (member) => !away.includes(member),
  }
}

/** The object after these concurrent writes, such as '1+2'. */
function objectOf(writes: string): VersionedObject {
  return writes.split('+').map(firstWrite).reduce(merge)
}

function firstWrite(number: string): VersionedObject {
  const written = put(undefined, undefined, {
    policy: Policy.siblings,
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

function stateOf({ outcome, answered }: GetRound): string {
  if (outcome.kind === 'waiting') return 'waiting'
  if (outcome.kind !== 'answered') return `${outcome.kind}, ${answered} answered`
  const values = outcome.object?.siblings.map(({ value }) => value?.[0]).toSorted()
  const behind = outcome.behind.length === 0 ? 'none' : outcome.behind.join(' ')
  const how = outcome.isComplete ? 'answered' : `incomplete, ${outcome.answered} answered`
  return `${how}, siblings: ${values?.join(' ') ?? 'none'}; behind: ${behind}`
}

function getMachine(): Machine {
  let round: GetRound | undefined
  const step = (asks: readonly GetAsk[], of: GetRound): Step => ({
    outputs: asks.map(({ node, digestOnly, isFallback }) => {
      const what = digestOnly ? 'digest' : 'object'
      return `ask ${node} for ${isFallback ? `the ${what} of its hints` : `its ${what}`}`
    }),
    state: stateOf(of),
  })
  return (input) => {
    const { bare, named } = wordsOf(input)
    if (round === undefined) {
      const owners = membersIn(named, 'owners')
      round = new GetRound(Policy.siblings, owners, Number(named.get('r')), fallbacksIn(named))
      return step(round.begin(), round)
    }
    if (input === 'late') return step(round.onLate(), round)
    if (input === 'silent') return step(round.onSilent(), round)
    if (input === 'deadline') {
      round.onDeadline()
      return step([], round)
    }
    const [node, kind, writes] = bare as [string, string, string | undefined]
    return step(round.onAnswer(node.replace(':', '') as NodeId, answerOf(kind, writes)), round)
  }
}

function newPut(named: ReadonlyMap<string, string>): PutRound {
  const away = membersIn(named, 'away')
  return new PutRound({
    owners: membersIn(named, 'owners'),
    needed: Number(named.get('w')),
    fallbacks: fallbacksIn(named),
    obstacleTo: (owner) => (away.includes(owner) ? 'peer-away' : undefined),
  })
}

/** A copy as dialogues write it: `b`, or `d for b`, a hint. */
function copyOf(text: string): PutAsk {
  const [node, forOwner] = text.split(' for ') as NodeId[]
  return { node: node as NodeId, forOwner }
}

function putMachine(): Machine {
  let round: PutRound | undefined
  const step = (asks: readonly PutAsk[], of: PutRound): Step => ({
    outputs: asks.map(({ node, forOwner }) =>
      forOwner === undefined ? `ask ${node}` : `ask ${node} for a hint for ${forOwner}`,
    ),
    state: `${of.verdict()}, ${of.held} held`,
  })
  return (input) => {
    const { bare, named } = wordsOf(input)
    if (round === undefined) {
      round = newPut(named)
      return step(round.begin(copyOf(bare.slice(1).join(' '))), round)
    }
    if (input === 'late') return step(round.onLate(), round)
    const [text, what] = input.split(': ') as [string, string]
    const copy = copyOf(text)
    if (what === 'held') return step(round.onHeld(copy), round)
    if (what === 'overloaded') return step(round.onOverloaded(copy), round)
    return step(round.onFailed(copy, 'peer-away'), round)
  }
}

playDialogues('quorum-get.txt', getMachine)
playDialogues('quorum-put.txt', putMachine)
