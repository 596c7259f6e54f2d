/** One real node in a process of its own, told what to do by the process that started it. */
import { hostWorld } from '../../src/host/world.ts'
import type { Config } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'

export type ToNode = { readonly ask: 'start'; readonly config: Config } | { readonly ask: 'usage' }

export interface Usage {
  /** Microseconds of processor time. */
  readonly userMicros: number
  readonly systemMicros: number
  readonly rssBytes: number
}

let node: RunningNode | undefined

process.on('message', (message: ToNode) => {
  if (message.ask === 'usage') {
    const { user, system } = process.cpuUsage()
    const usage = { userMicros: user, systemMicros: system, rssBytes: process.memoryUsage.rss() }
    process.send?.(usage satisfies Usage)
    return
  }
  void start(message.config)
})

async function start(config: Config): Promise<void> {
  node = await startNode(config, hostWorld({ traceLevel: 'error', keepsMemory: true }))
  while (node.status().peers.some((peer) => !peer.isConnected) && !isLate()) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  process.send?.('ready')
}

/** A node that starts while another is down is ready all the same. */
function isLate(): boolean {
  return process.uptime() > 5
}

async function stop(): Promise<void> {
  await node?.stop()
  process.exit(0)
}

process.on('SIGTERM', () => void stop())
// The parent has ended: no process of the test outlives it.
process.on('disconnect', () => process.exit(0))
