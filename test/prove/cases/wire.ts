/** Inputs of the wire: many large values at once, on three real nodes. */
import { readFileSync } from 'node:fs'
import { bytes, type Client, connect } from '../../../src/index.ts'
import { VALUE_BYTES_MAX } from '../../../src/limits.ts'
import { LocalCluster } from '../../support/local-cluster.ts'
import { median } from '../../support/median.ts'
import { frame, RawClient } from '../../support/raw-client.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { type Case, wrongUnless } from './case.ts'

const MIB = 1024 * 1024
const BUCKET = 'large'
const VALUES = 40
/** A call of many large values at once may wait for those before it. */
const PATIENT = { timeout: 60_000 }

interface Scene {
  readonly cluster: LocalCluster
  readonly client: Client
}

type Row = readonly [line: string, what: string, run: (scene: Scene) => Promise<string | undefined>]

const ROWS: readonly Row[] = [
  ['W1', '250 pipelined gets of one 8 MiB value, none of them read', readNothing],
  ['W2', '40 gets of 8 MiB at once', getAtOnce],
  ['W2', '32 gets of 8 MiB at once, and one after another', (scene) => compare(scene, getOne, 32)],
  ['W2', '16 puts of 8 MiB at once, and one after another', (scene) => compare(scene, putOne, 16)],
  ['W3', 'keys of 40 values of 8 MiB', listKeys],
  ['B1', '10,000 puts at once', putMany],
]

/** One cluster for all rows: the first that runs starts it, `end` stops it. */
export function wireCases(): { readonly cases: readonly Case[]; end(): Promise<void> } {
  let scene: Promise<Scene> | undefined
  const cases = ROWS.map(([line, what, run]) => ({
    line,
    what,
    run: async () => run(await (scene ??= begin())),
  }))
  return {
    cases,
    end: async () => {
      const begun = await scene
      await begun?.client.close()
      await begun?.cluster.stop()
    },
  }
}

async function begin(): Promise<Scene> {
  const cluster = await LocalCluster.start({ nodes: 3 })
  const client = await connect({ seeds: cluster.seeds })
  const bucket = client.bucket(BUCKET, { codec: bytes })
  const value = new Uint8Array(VALUE_BYTES_MAX)
  for (let i = 0; i < VALUES; i++) await bucket.put(`key-${i}`, value, PATIENT)
  return { cluster, client }
}

async function readNothing({ cluster }: Scene): Promise<string | undefined> {
  const pid = cluster.pid(0)
  const before = residentMib(pid)
  const { port } = cluster.config(0).clientListen
  const raw = await RawClient.greeted({ host: '127.0.0.1', port })
  raw.socket.pause()
  const get = pb.Get.encode({ bucket: Buffer.from(BUCKET), key: Buffer.from('key-0') }).finish()
  for (let callId = 1; callId <= 250; callId++) raw.send(frame(REQUEST_KINDS.get, callId, get))
  const most = await mostFor(pid, 5_000)
  raw.close()
  const after = await mostFor(pid, 5_000)
  const grown = Math.max(most, after) - before
  return wrongUnless(grown <= 256, `the node took ${grown} MiB more`)
}

async function getAtOnce({ client }: Scene): Promise<string | undefined> {
  const bucket = client.bucket(BUCKET, { codec: bytes })
  const gets = Array.from({ length: VALUES }, (_, i) => bucket.get(`key-${i}`, PATIENT))
  const found = await Promise.all(gets)
  const whole = found.filter(({ value }) => value?.length === VALUE_BYTES_MAX).length
  return wrongUnless(whole === VALUES, `${whole} of ${VALUES} came whole`)
}

type One = (client: Client, i: number) => Promise<unknown>

async function getOne(client: Client, i: number): Promise<unknown> {
  return client.bucket(BUCKET, { codec: bytes }).get(`key-${i % VALUES}`, PATIENT)
}

async function putOne(client: Client, i: number): Promise<unknown> {
  const value = new Uint8Array(VALUE_BYTES_MAX)
  const options = { ...PATIENT, replace: 'seen' } as const
  return client.bucket(BUCKET, { codec: bytes }).put(`put-${i}`, value, options)
}

async function compare({ client }: Scene, one: One, count: number): Promise<string | undefined> {
  const ratios: number[] = []
  for (let round = 0; round < 3; round++) {
    const began = performance.now()
    for (let i = 0; i < count; i++) await one(client, i)
    const between = performance.now()
    await Promise.all(Array.from({ length: count }, (_, i) => one(client, i)))
    ratios.push((performance.now() - between) / (between - began))
  }
  const ratio = median(ratios)
  const sentence = `at once takes ${ratio.toFixed(2)} times as long as one after another`
  return wrongUnless(ratio <= 1.5, sentence)
}

async function listKeys({ client }: Scene): Promise<string | undefined> {
  const keys: string[] = []
  for await (const key of client.bucket(BUCKET).keys()) keys.push(key)
  const listed = keys.filter((key) => key.startsWith('key-')).length
  return wrongUnless(listed === VALUES, `${listed} of ${VALUES} keys were listed`)
}

async function putMany({ client }: Scene): Promise<string | undefined> {
  const bucket = client.bucket('many')
  const puts = Array.from({ length: 10_000 }, (_, i) => bucket.put(`key-${i}`, 'v', PATIENT))
  const failed = (await Promise.allSettled(puts)).filter(({ status }) => status === 'rejected')
  return wrongUnless(failed.length === 0, `${failed.length} of 10,000 failed`)
}

function residentMib(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round((Number(kib) * 1024) / MIB)
}

async function mostFor(pid: number, ms: number): Promise<number> {
  let most = 0
  for (let spent = 0; spent < ms; spent += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    most = Math.max(most, residentMib(pid))
  }
  return most
}
