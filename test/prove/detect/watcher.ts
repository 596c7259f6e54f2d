/**
 * Asks nodes again and again whether they are connected to a member, and prints each change: a
 * process of its own, in the namespace from which the nodes can be reached.
 *
 * Arguments: the member's name, then `name=host:port` of each node to ask.
 */
import { connect } from '../../../src/index.ts'

const EVERY_MS = 20

/** What one node says of the member from this moment on. */
export interface Change {
  readonly node: string
  readonly isConnected: boolean
  /** Milliseconds since 1970. */
  readonly at: number
}

async function watch(member: string, node: string, seed: string): Promise<void> {
  const client = await connect({ seeds: [seed], connectTimeout: 30_000 })
  let last: boolean | undefined
  for (;;) {
    const { peers } = await client.status(node)
    const isConnected = peers.some(({ name, isConnected: is }) => name === member && is)
    if (isConnected !== last) {
      last = isConnected
      const change: Change = { node, isConnected, at: Date.now() }
      process.stdout.write(`${JSON.stringify(change)}\n`)
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

const [member = '', ...nodes] = process.argv.slice(2)
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
await Promise.all(
  nodes.map((node) => {
    const [name = '', seed = ''] = node.split('=')
    return watch(member, name, seed)
  }),
)
