/** `everwrite cluster leave | remove | replace | weight | zone`: changes that wait for a commit. */
import type { Command } from 'commander'
import type { ChangeOptions } from '../../client/operator.ts'
import { MEMBER_TEXT_CHARS_MAX, MEMBER_WEIGHT_MAX } from '../../limits.ts'
import { ChangeOf, type ClusterChangeReply } from '../../wire/message/cluster.ts'
import { addConnectionOptions } from '../cluster-options.ts'
import { EXIT_CODES_HELP, misuse, print } from '../outcome.ts'
import { type AtOptions, withNode } from './ask-members.ts'

interface Options extends AtOptions {
  readonly force?: true
  readonly undo?: true
  readonly dead?: true
}

const FORCE = 'also where too little would be left'
const WAITS = `
No place moves by this: it waits, with other changes, for 'everwrite cluster commit'.`

export function addChanges(cluster: Command): void {
  addChange(cluster, 'leave <name>')
    .option('--force', FORCE)
    .option('--undo', 'it does not leave after all')
    .description('let a member give its places away, at the next commit')
    .addHelpText('after', help(['leave node-3', 'leave node-3 --undo'], LEAVE))
    .action(leave)
  addChange(cluster, 'remove <name>')
    .option('--force', FORCE)
    .description('remove a dead member, for good')
    .addHelpText('after', help(['remove node-3'], REMOVE))
    .action((name: string, options: Options) => remove(name, '', options))
  addChange(cluster, 'replace <old> <new>')
    .option('--dead', 'the old one is dead: remove it')
    .option('--force', FORCE)
    .description('let a member leave, and one that has joined take its weight')
    .addHelpText('after', help(['replace node-3 node-6', 'replace node-3 node-6 --dead'], WAITS))
    .action(replace)
  addChange(cluster, 'weight <name> <weight>')
    .description('change the share of a member, from 0 (it owns nothing) to 100')
    .addHelpText('after', help(['weight node-4 1', 'weight node-4 0.5'], WAITS))
    .action(weight)
  addChange(cluster, 'zone <name> <zone>')
    .description("change the zone of a member; '' for none")
    .addHelpText('after', help(['zone node-4 north'], ZONE))
    .action(zone)
}

const LEAVE = `${WAITS}
It ends by itself once all that it held is elsewhere.`
const REMOVE = `
Its id is refused from then on; it may join as a new member, with an empty directory. What only it
held is lost. Others fill its places after 'everwrite cluster commit'.`
const ZONE = `${WAITS}
What the configuration of the member says of its zone counts only where it is new.`

function help(examples: readonly string[], more: string): string {
  const lines = examples.map((one) => `  $ everwrite cluster ${one}\n`).join('')
  return `\nExamples:\n${lines}${more}\n${EXIT_CODES_HELP}`
}

function addChange(cluster: Command, usage: string): Command {
  return addConnectionOptions(cluster.command(usage)).option(
    '--at <host:port>',
    'the node to ask; by default the first seed that answers',
  )
}

async function leave(name: string, options: Options): Promise<void> {
  if (options.undo === true) return change(ChangeOf.stay, name, {}, options)
  return change(ChangeOf.leave, name, { isForced: options.force === true }, options)
}

async function remove(name: string, successor: string, options: Options): Promise<void> {
  return change(ChangeOf.remove, name, { successor, isForced: options.force === true }, options)
}

async function replace(name: string, successor: string, options: Options): Promise<void> {
  if (options.dead === true) return remove(name, successor, options)
  const isForced = options.force === true
  return change(ChangeOf.leave, name, { successor, isForced }, options)
}

async function weight(name: string, text: string, options: Options): Promise<void> {
  const value = Number(text)
  const isRight = text.trim() !== '' && value >= 0 && value <= MEMBER_WEIGHT_MAX
  if (!isRight) throw misuse(`a weight is a number from 0 to ${MEMBER_WEIGHT_MAX}, not ${text}`)
  return change(ChangeOf.weight, name, { weight: value }, options)
}

async function zone(name: string, text: string, options: Options): Promise<void> {
  if (text.length > MEMBER_TEXT_CHARS_MAX) {
    throw misuse(`a zone has at most ${MEMBER_TEXT_CHARS_MAX} characters`)
  }
  return change(ChangeOf.zone, name, { zone: text }, options)
}

async function change(
  what: ChangeOf,
  name: string,
  more: ChangeOptions,
  options: Options,
): Promise<void> {
  await withNode(options, async ({ operator, at, timeout }) => {
    const changed = await operator.change(what, name, { ...more, at, timeout })
    if (options.json === true) await print(`${JSON.stringify(changed)}\n`)
    else
      await print(`${sentenceOf(changed)}: everwrite cluster plan shows what a commit would do\n`)
  })
}

function sentenceOf({ name, state, weight, zone }: ClusterChangeReply): string {
  if (state === 'gone') return `${name} is removed`
  const where = zone === '' ? '' : `, zone ${zone}`
  const how = `weight ${weight}${where}`
  return state === 'leaving' ? `${name} leaves (${how})` : `${name} is a member with ${how}`
}
