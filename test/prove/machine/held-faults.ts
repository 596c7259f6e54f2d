/**
 * Faults that begin at once and end when they are told to.
 *
 * Each returns the function that ends it, which tells whether the fault took effect.
 */
import { readFileSync } from 'node:fs'
import type { Caretaker } from './caretaker.ts'
import { heal, type Rules, shape } from './namespaces.ts'
import type { Nodes } from './nodes.ts'

/** Ends the fault; resolves to whether it took effect. */
export type End = () => Promise<boolean>

export const CUT_IN: Rules = { input: ['counter drop'] }
export const CUT_OUT: Rules = { output: ['counter drop'] }
export const CUT_OFF: Rules = { ...CUT_IN, ...CUT_OUT }

/** Stops the node's process until the end. */
export async function hold(caretaker: Caretaker, nodes: Nodes, node: number): Promise<End> {
  const pid = nodes.pid(node)
  // A stopped process would not notice that this one has ended.
  await caretaker.later(`! grep -q node-entry /proc/${pid}/cmdline || kill -CONT ${pid}`)
  nodes.signal(node, 'SIGSTOP')
  return async () => {
    const isStopped = pid > 0 && /\) T/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    nodes.signal(node, 'SIGCONT')
    return isStopped
  }
}

/** Has the packets of a namespace filtered by `rules`, which count what they meet. */
export async function filter(caretaker: Caretaker, name: string, rules: Rules): Promise<End> {
  await shape(caretaker, name, rules)
  return async () => (await heal(caretaker, name)) > 0
}
