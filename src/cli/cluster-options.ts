/**
 * The options shared by all commands that talk to a cluster: seeds, timeout, token and JSON.
 */
import { type Command, Option } from 'commander'
import type { Bucket } from '../client/bucket.ts'
import type { Client } from '../client/client.ts'
import { utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { VALUE_BYTES_MAX } from '../limits.ts'
import { bytesOfBase64 } from './data/record.ts'
import { readTokenFile } from './settings/key-file.ts'
import { standardInput } from './standard-input.ts'
import { misuse } from './outcome.ts'

export interface ConnectionOptions {
  readonly seeds: string
  readonly json?: true
  readonly timeout: string
  readonly tokenFile?: string
}

/** A person whose cluster does not run should not wait for the whole deadline. */
const CONNECT_MS_MAX = 2_000

/** Adds the options that every such command has. */
export function addConnectionOptions(command: Command, timeoutMs = 5_000): Command {
  return command
    .addOption(
      new Option('--seeds <host:port,...>', 'nodes to ask first')
        .env('EVERWRITE_SEEDS')
        .default('127.0.0.1:7400'),
    )
    .option('--timeout <ms>', 'deadline of each request', String(timeoutMs))
    .option('--token-file <file>', "the cluster's client token, mode 0600 (or EVERWRITE_TOKEN)")
    .option('--json', 'print JSON, one object a line')
}

/** Connects, lets `work` run, and closes. `attemptTimeout`: how long each node has for one try. */
export async function withClient<T>(
  options: ConnectionOptions,
  work: (client: Client) => Promise<T>,
  attemptTimeout?: number,
): Promise<T> {
  const timeout = millisecondsOf(options.timeout)
  const { connect } = await import('../index.ts')
  await using client = await connect({
    seeds: options.seeds.split(','),
    timeout,
    attemptTimeout,
    connectTimeout: Math.min(timeout, CONNECT_MS_MAX),
    token:
      options.tokenFile === undefined
        ? process.env['EVERWRITE_TOKEN']
        : readTokenFile(options.tokenFile),
  })
  return await work(client)
}

/** In the place of bytes in an argument that are no UTF-8 text. */
const REPLACEMENT = '\ufffd'

/** The bytes of an argument: text, or base64 where `isBase64`. Throws `input-wrong`. */
export function argumentOf(
  name: 'key' | 'value' | 'prefix',
  text: string,
  isBase64 = false,
): Uint8Array {
  if (isBase64) {
    const bytes = bytesOfBase64(text)
    if (bytes === undefined) throw misuse(`the ${name} is not base64, as --${name}64 says`)
    return bytes
  }
  if (!text.includes(REPLACEMENT)) return utf8Bytes(text)
  const cure = name === 'prefix' ? 'give text' : `give it in base64, with --${name}64`
  throw misuse(`the ${name} is not UTF-8 text: ${cure}`)
}

/** A bucket of bytes: the command line does not interpret values. */
export async function bucketOf(client: Client, name: string): Promise<Bucket<Uint8Array>> {
  if (name.includes(REPLACEMENT)) throw misuse('the bucket is not UTF-8 text: correct its name')
  const { bytes } = await import('../client/codec.ts')
  return client.bucket(name, { codec: bytes })
}

export function millisecondsOf(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw misuse(`--timeout is a number of milliseconds above 0, not ${text}`)
}

/** A count such as --nodes: a whole number from `min` to `max`. */
export function countOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw misuse(`${option} is a whole number from ${min} to ${max}, not ${text}`)
}

/** All of standard input. Throws `value-too-long` where that is more than a value may have. */
export async function readValue(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of standardInput()) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > VALUE_BYTES_MAX) {
      const sentence = `standard input has more than ${VALUE_BYTES_MAX} bytes, the most of a value`
      throw new OperatingError('value-too-long', sentence)
    }
  }
  return Buffer.concat(chunks)
}
