/** Plants about bulk transfers: what a pass hands out, how it is taken, and what is kept. */
import type { Plant } from './plant.ts'

const UNIT = 'test/unit'
const LOG = `${UNIT}/store/log/log.test.ts`
const PASS = `${UNIT}/store/log/log-transfers.test.ts`
const COPIES = `${UNIT}/node/replica/moved-copies.test.ts`
const RECEIVER = `${UNIT}/node/background/transfer.test.ts`
const GIVER = `${UNIT}/node/listeners/transfer-requests.test.ts`
const MOVER = `${UNIT}/node/background/mover-transfers.test.ts`

export const TRANSFERS: readonly Plant[] = [
  {
    name: 'a pass hands out records that are replaced or erased',
    find: 'if (!soles.isAt(i, this.segment, base + start)) continue',
    replace: '',
    why: 'a key that was erased here comes to life at the receiver',
    caughtBy: LOG,
  },
  {
    name: 'a pass hands out what is not durable',
    find: 'query.end ?? writer.durableEnd',
    replace: 'query.end ?? { segment: writer.segment + 1, offset: 0 }',
    why: 'it reads where nothing is written yet, and passes over records as rotten',
    caughtBy: PASS,
  },
  {
    name: 'a transferred copy is appended over the one that is here',
    find: 'isAbsent(i) && ',
    replace: '',
    why: 'what was written here since is replaced by what the giver had',
    caughtBy: COPIES,
  },
  {
    name: 'a copy is appended while a step on its key is under way',
    find: '!replica.hasSteps || !replica.isBusy(records.copyAt(index))',
    replace: 'true',
    why: 'the step has found nothing, and its write replaces what came',
    caughtBy: COPIES,
  },
  {
    name: 'two records of one key are both appended',
    find: '!tokens.has(token.lo) && isAbsent(i)',
    replace: 'isAbsent(i)',
    why: 'the key is there twice, and the sums of trees are wrong',
    caughtBy: COPIES,
  },
  {
    name: 'a transfer brings back what a round has let go',
    find: '(decoded === undefined || isDone(decoded, floors.adopted.floor))',
    replace: '(decoded === undefined)',
    why: 'it is reaped again, and brought again',
    caughtBy: COPIES,
  },
  {
    name: 'a transferred copy is merged after its partition has moved',
    find: 'if (!isWanted(records.tokenAt(index))) continue',
    replace: '',
    why: 'what owners have let go since comes back',
    caughtBy: COPIES,
  },
  {
    name: 'records that were not asked for are taken',
    find: 'if (records.nAt(i) !== asked.n || !asked.isAsked(token)) return',
    replace: 'if (token === null) return',
    why: 'copies lie where no owner looks for them',
    caughtBy: COPIES,
  },
  {
    name: 'a giver may tell of dots that were never given',
    find: "if (lie !== undefined) return 'peer-lies'",
    replace: '',
    why: 'this node gives the dot to another write later, which counts as replaced',
    caughtBy: COPIES,
  },
  {
    name: 'a restart goes on behind what is not durable',
    find: 'replica.whenSynced(replica.lastSequence, (error) => { if (error === undefined && next',
    replace: '[undefined].forEach((error) => { if (error === undefined && next',
    why: 'what a power cut takes is not asked for again, and an exchange brings it key by key',
    caughtBy: RECEIVER,
  },
  {
    name: 'a transfer that goes on tells why it had stopped',
    find: 'this.failure = undefined',
    replace: '',
    why: 'an operator looks for an obstacle that is gone',
    caughtBy: RECEIVER,
  },
  {
    name: 'an obstacle is told while transfers go on without it',
    find: 'if (batches.length === 0) this.obstacle = this.#whyLate',
    replace: '',
    why: 'the same',
    caughtBy: MOVER,
  },
  {
    name: 'pages wait for the disk without bound',
    find: 'syncs.length < UNSYNCED_PAGES_MAX ? undefined : await syncs.shift()',
    replace: 'undefined',
    why: 'a slow disk fills the memory of the receiver',
    caughtBy: RECEIVER,
  },
  {
    name: 'a member that lacks copies itself gives in bulk',
    find: 'if (!state.isWhole) this.#isGivenUp = true',
    replace: '',
    why: 'an older disk brings what its round has let go',
    caughtBy: RECEIVER,
  },
  {
    name: 'any number of members takes transfers at once',
    find: '!this.#receivers.has(node) && this.#receivers.size >= TRANSFER_RECEIVERS_MAX',
    replace: 'node === null',
    why: 'each reads elsewhere in the log, and all are slow',
    caughtBy: GIVER,
  },
  {
    name: 'one with other owners takes a transfer',
    find: 'if (isOfRing && equalU64(topology.stages.digestOf(pairs), ring)) return',
    replace: 'if (isOfRing) return',
    why: 'it gets copies that it does not fill',
    caughtBy: GIVER,
  },
  {
    name: 'a place is filled by its transfer alone',
    find: 'const failure = await this.#exchange(node, batch, false)',
    replace: 'const failure = undefined',
    why: 'what the pass left out, and what was written meanwhile, is not there',
    caughtBy: MOVER,
  },
  {
    name: 'a move does not wait for its transfer',
    find: '!this.#transfers.has(giver, found.n, found.partition)',
    replace: 'false',
    why: 'exchanges bring key by key what the pass would bring',
    caughtBy: MOVER,
  },
  {
    name: 'what was read ahead is given to a later run',
    find: 'a.run === b.run &&',
    replace: '',
    why: 'a round may have let go meanwhile of what an old page brings back',
    caughtBy: GIVER,
  },
  {
    name: 'what was read ahead is given over another connection',
    find: 'one.session === session && isSameRequest(one.request, request)',
    replace: 'isSameRequest(one.request, request)',
    why: 'numbers of runs begin anew with each process: an old page brings back what is gone',
    caughtBy: GIVER,
  },
  {
    name: 'what was read ahead is of other partitions',
    find: 'a.partitions.join() === b.partitions.join() &&',
    replace: '',
    why: 'the receiver ends the connection to a giver that sends what it did not ask for',
    caughtBy: GIVER,
  },
  {
    name: 'all questions of a receiver are of one run',
    find: 'this.#run = this.#node.nextRun();',
    replace: 'this.#run = 1;',
    why: 'a page that was read before the receiver stopped answers what it asks for later',
    caughtBy: RECEIVER,
  },
]
