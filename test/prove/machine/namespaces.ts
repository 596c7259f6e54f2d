/**
 * A network of our own: a namespace for each node, all on one bridge in a further one.
 *
 *     hub (clients, bridge 10.231.7.254) ── veth ── node 0 (10.231.7.1)
 *                                        ── veth ── node 1 (10.231.7.2) …
 *
 * Nothing of it touches the machine's own network. Faults are rules of nft in a node's namespace;
 * each counts the packets that it met, so that a fault without effect is known for one.
 */
import { CannotRun } from '../proof.ts'
import type { Caretaker } from './caretaker.ts'

const NETWORK = '10.231.7'
const HUB_HOST = 254
/** A silent cut surfaces after some seconds instead of a quarter of an hour. */
const SYSCTLS = ['net.ipv4.tcp_retries2=6', 'net.ipv4.tcp_syn_retries=2']

export interface NetworkNames {
  readonly hub: string
  readonly nodes: readonly string[]
}

/** Makes all of it, and has it removed in the end. Throws `CannotRun` where that is not allowed. */
export async function makeNetwork(caretaker: Caretaker, count: number): Promise<NetworkNames> {
  const prefix = `ew${process.pid}`
  const hub = `${prefix}hub`
  const nodes = Array.from({ length: count }, (_, i) => `${prefix}n${i}`)
  try {
    for (const name of [hub, ...nodes]) {
      await caretaker.run(`ip netns add ${name}`)
      await caretaker.later(`[ ! -e /run/netns/${name} ] || ip netns del ${name}`)
      const tune = SYSCTLS.map((sysctl) => `${enter(name)} sysctl -qw ${sysctl}`).join('; ')
      await caretaker.run(`ip -n ${name} link set lo up; ${tune}`)
    }
    await caretaker.run(
      `ip -n ${hub} link add br0 type bridge; ip -n ${hub} link set br0 up; ` +
        `ip -n ${hub} addr add ${NETWORK}.${HUB_HOST}/24 dev br0`,
    )
    for (const [i, name] of nodes.entries()) {
      await caretaker.run(
        `ip -n ${hub} link add v${i} type veth peer name eth0 netns ${name}; ` +
          `ip -n ${hub} link set v${i} master br0 up; ` +
          `ip -n ${name} addr add ${hostOf(i)}/24 dev eth0; ip -n ${name} link set eth0 up`,
      )
    }
    await caretaker.run(`${enter(hub)} nft list ruleset`)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CannotRun(`no network of namespaces can be made here: ${why}`)
  }
  return { hub, nodes }
}

export function hostOf(node: number): string {
  return `${NETWORK}.${node + 1}`
}

export function hubHost(): string {
  return `${NETWORK}.${HUB_HOST}`
}

/** What stands before a command that is to run in the namespace. */
export function prefixOf(name: string): readonly string[] {
  return ['nsenter', `--net=/run/netns/${name}`]
}

function enter(name: string): string {
  return prefixOf(name).join(' ')
}

export interface Rules {
  readonly input?: readonly string[]
  readonly output?: readonly string[]
}

/** Puts rules in force in a namespace; write `counter` where a packet that a rule met counts. */
export async function shape(caretaker: Caretaker, name: string, rules: Rules): Promise<void> {
  const chain = (hook: string, lines: readonly string[]): string =>
    ` chain ${hook} {\n  type filter hook ${hook} priority 0; policy accept;\n` +
    `${lines.map((line) => `  ${line}\n`).join('')} }\n`
  const table = `table inet chaos {\n${chain('input', rules.input ?? [])}${chain(
    'output',
    rules.output ?? [],
  )}}`
  await caretaker.run(`${enter(name)} nft -f - <<'END'\n${table}\nEND`)
}

/** Takes the rules away; how many packets they met. */
export async function heal(caretaker: Caretaker, name: string): Promise<number> {
  const listed = await caretaker.run(`${enter(name)} nft list table inet chaos`)
  await caretaker.run(`${enter(name)} nft delete table inet chaos`)
  let packets = 0
  for (const [, count] of listed.matchAll(/counter packets (\d+)/g)) packets += Number(count)
  return packets
}
