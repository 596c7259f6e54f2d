/** `everwrite cluster key status | rotate | drop`: the cluster keys, by their ids. */
import type { Command } from 'commander'
import { keyLabel } from '../../dynamo/membership/key-ring.ts'
import type { ClusterKeyReply, KeyMember } from '../../wire/message/keys.ts'
import { addConnectionOptions } from '../cluster-options.ts'
import { EXIT_CODES_HELP, misuse, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import { type AtOptions, withNode } from './ask-members.ts'

const STATUS = `
Examples:
  $ everwrite cluster key status
  $ everwrite cluster key status --at 10.0.0.2:7400 --json

A new key verifies first, and signs once every member has told the node that it has written the key
down: a member that is away is waited for. Keys are told by their ids, never themselves.
${EXIT_CODES_HELP}`
const ROTATE = `
Examples:
  $ everwrite cluster key rotate

The new key spreads to all members by itself, and signs once all have it; a member that is gone is
not waited for (everwrite cluster remove). Contexts that clients keep stay valid: older keys verify
until you drop them. The key file of the configuration stays as it is.
${EXIT_CODES_HELP}`
const DROP = `
Examples:
  $ everwrite cluster key drop 00000001

The oldest key goes first, and only once all members are connected and sign with a newer one. From
then on contexts (context-key-unknown) and receipts (receipt-foreign) that it has signed are
refused, and a node that has no newer key is not let in: it joins anew, or gets the file 'keys' of
another member.
${EXIT_CODES_HELP}`

export function addKeys(cluster: Command): void {
  const key = cluster.command('key').description('make, drop and list the keys of the cluster')
  add(key, 'status')
    .description('list the keys, and for which members the newest one waits')
    .addHelpText('after', STATUS)
    .action(status)
  add(key, 'rotate')
    .description('make a new key, which signs once all members have it')
    .addHelpText('after', ROTATE)
    .action(rotate)
  add(key, 'drop <id>')
    .description('drop the oldest key: it verifies no longer')
    .addHelpText('after', DROP)
    .action(drop)
}

function add(key: Command, usage: string): Command {
  return addConnectionOptions(key.command(usage)).option(
    '--at <host:port>',
    'the node to ask; by default the first seed that answers',
  )
}

async function status(options: AtOptions): Promise<void> {
  await withNode(options, async ({ operator, at, timeout }) => {
    await show(await operator.keys({ at, timeout }), '', options)
  })
}

async function rotate(options: AtOptions): Promise<void> {
  await withNode(options, async ({ operator, at, timeout }) => {
    const before = newestOf(await operator.keys({ at, timeout }))
    const reply = await operator.rotateKey(before, { at, timeout })
    await show(reply, `key ${keyLabel({ id: newestOf(reply) })} is made`, options)
  })
}

async function drop(text: string, options: AtOptions): Promise<void> {
  if (!/^[0-9a-fA-F]{1,8}$/.test(text)) {
    throw misuse(`a key's id has up to 8 hexadecimal digits, not ${JSON.stringify(text)}`)
  }
  const id = Number.parseInt(text, 16)
  await withNode(options, async ({ operator, at, timeout }) => {
    const reply = await operator.dropKey(id, { at, timeout })
    await show(reply, `key ${keyLabel({ id })} is dropped`, options)
  })
}

function newestOf({ keys }: ClusterKeyReply): number {
  return keys.at(-1)?.id ?? 0
}

async function show(reply: ClusterKeyReply, done: string, options: AtOptions): Promise<void> {
  if (options.json === true) {
    const keys = reply.keys.map((key) => ({ ...key, id: keyLabel(key) }))
    const members = reply.members.map((one) => ({ ...one, signer: signerOf(one) ?? null }))
    const signer = keyLabel({ id: reply.signer })
    await print(`${JSON.stringify({ ...reply, keys, signer, members })}\n`)
    return
  }
  await print(
    [...(done === '' ? [] : [done, '']), ...keyLines(reply)].map((l) => `${l}\n`).join(''),
  )
}

/** The keys as a table, and what the newest waits for. */
export function keyLines(reply: ClusterKeyReply): readonly string[] {
  const { keys, signer, members } = reply
  const newest = newestOf(reply)
  const rows = keys.map((key) => {
    const signs = members.filter((one) => one.signer === key.id).map(({ name }) => name)
    const state =
      key.id === signer ? 'signs' : key.id === newest ? 'verifies, is to sign' : 'verifies'
    return [keyLabel(key), String(key.number), state, signs.join(', ')]
  })
  const table = `${tableOf(['id', 'number', 'here it', 'signs at other members'], 4, rows)}\n`
  const waited = members.filter(({ isWaitedFor }) => isWaitedFor).map(labelOf)
  if (newest === signer) return [table, `${keyLabel({ id: signer })} signs`]
  if (waited.length === 0) return [table, `${keyLabel({ id: newest })} is about to sign`]
  const waits = `${keyLabel({ id: newest })} signs once these have it: ${waited.join(', ')}`
  return [table, waits]
}

function labelOf({ name, isConnected }: KeyMember): string {
  return isConnected ? name : `${name} (not connected)`
}

function signerOf({ signer }: KeyMember): string | undefined {
  return signer === 0 ? undefined : keyLabel({ id: signer })
}
