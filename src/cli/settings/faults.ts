/**
 * Find contradictions between two settings.
 *
 * Each fault names the path of the setting to change, and one run of the command reports all.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { BUCKET_BYTES_MAX, MEMBERS_MAX } from '../../limits.ts'
import type { Address } from '../../world/network.ts'
import type { Fault, Settings } from './shape.ts'

/** `host:port` or `[v6]:port`; undefined for anything else. */
export function addressOf(text: string): Address | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text.trim())
  const host = parts?.[1] ?? parts?.[2]
  const port = Number(parts?.[3])
  return host === undefined || port > 65_535 ? undefined : { host, port }
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/

function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/**
 * Every contradiction in `settings`. A joiner learns the members and the keys from the cluster;
 * `isKeyed`: no key file is needed.
 */
export function contradictionsOf(
  settings: Settings,
  isJoiner = false,
  isKeyed = isJoiner,
): readonly Fault[] {
  const members = isJoiner ? MEMBERS_MAX : settings.members.length
  return [
    ...faultsOfRing(settings),
    ...(isKeyed ? [] : faultsOfKey(settings)),
    ...faultsOfMembers(settings),
    ...faultsOfQuorums(settings, members),
    ...faultsOfListening(settings),
  ]
}

function faultsOfKey({ 'key-file': file }: Settings): Fault[] {
  if (file !== undefined) return []
  const example = 'such as key-file = "cluster.key" (openssl rand -hex 16, mode 0600)'
  return [wrong('key-file', `is missing: give it, ${example}`)]
}

function wrong(path: string, sentence: string): Fault {
  return { path, code: 'config-wrong', sentence }
}

function faultsOfRing(settings: Settings): Fault[] {
  const faults: Fault[] = []
  const { partitions, engine, data } = settings
  if (!Number.isInteger(Math.log2(partitions))) {
    const below = 2 ** Math.floor(Math.log2(partitions))
    faults.push(
      wrong('partitions', `is ${partitions}, no power of two: give ${below} or ${2 * below}`),
    )
  }
  if (engine !== 'memory' && data === undefined) {
    faults.push(wrong('data', 'is missing: give the data directory, such as data = "data"'))
  }
  return faults
}

function faultsOfMembers(settings: Settings): Fault[] {
  const faults: Fault[] = []
  const { members, name } = settings
  const names = members.map((member) => member.name)
  if (!names.includes(name)) {
    faults.push(
      wrong(
        'name',
        `is ${name}, which is no member: add a [[members]] or give one of ${names.join(', ')}`,
      ),
    )
  }
  const takenBy = new Map<string, string>()
  const take = (path: string, what: string): void => {
    const other = takenBy.get(what)
    if (other === undefined) takenBy.set(what, path)
    else faults.push(wrong(path, `is the same as ${other}: give each its own`))
  }
  members.forEach((member, i) => {
    take(`members[${i}].name`, `name ${member.name}`)
    take(`members[${i}].client-port`, `port ${member.host}:${member['client-port']}`)
    take(`members[${i}].peer-port`, `port ${member.host}:${member['peer-port']}`)
  })
  return faults
}

interface Quorums {
  readonly n: number
  readonly r: number
  readonly w: number
}

/** `count`: of the members. */
function faultsOfQuorums(settings: Settings, count: number): Fault[] {
  const faults = quorumFaults('', settings, count)
  const names = new Map<string, number>()
  settings.buckets.forEach((bucket, i) => {
    const at = `buckets[${i}]`
    const { n = settings.n, r = settings.r, w = settings.w } = bucket
    // A value that a bucket inherits is reported once, at its own setting.
    const isOwn = bucket.n !== undefined || bucket.r !== undefined || bucket.w !== undefined
    if (isOwn) faults.push(...quorumFaults(`${at}.`, { n, r, w }, count))
    const first = names.get(bucket.name)
    if (first === undefined) names.set(bucket.name, i)
    else faults.push(wrong(`${at}.name`, `is the same as buckets[${first}].name: keep one`))
    if (utf8Bytes(bucket.name).length > BUCKET_BYTES_MAX) {
      faults.push(wrong(`${at}.name`, `has more than ${BUCKET_BYTES_MAX} bytes: shorten it`))
    }
  })
  return faults
}

function quorumFaults(prefix: string, { n, r, w }: Quorums, members: number): Fault[] {
  const faults: Fault[] = []
  if (n > members) {
    const say = members === 1 ? 'there is 1 member' : `there are ${members} members`
    const joins = members === 1 ? ', or --join and --invitation where it joins a cluster' : ''
    const sentence = `is ${n} but ${say}: add members, or give n = ${members}${joins}`
    faults.push(wrong(`${prefix}n`, sentence))
  }
  for (const [quorum, count] of [['r', r] as const, ['w', w] as const]) {
    if (count <= n) continue
    faults.push(
      wrong(
        `${prefix}${quorum}`,
        `is ${count}, more than the ${n} copies of a key: give ${quorum} = ${n} or less`,
      ),
    )
  }
  return faults
}

function faultsOfListening(settings: Settings): Fault[] {
  const faults: Fault[] = []
  for (const path of ['client-listen', 'peer-listen'] as const) {
    const text = settings[path]
    if (text !== undefined && addressOf(text) === undefined) {
      faults.push(wrong(path, `is ${JSON.stringify(text)}: give host:port, such as 0.0.0.0:7400`))
    }
  }
  const own = settings.members.find((member) => member.name === settings.name)
  const host = addressOf(settings['client-listen'] ?? '')?.host ?? own?.host
  const isOpen = host !== undefined && !isLoopback(host)
  if (isOpen && settings['client-token-file'] === undefined && !settings.insecure) {
    faults.push({
      path: 'client-token-file',
      code: 'bind-insecure',
      sentence:
        `is missing, and clients could reach ${host} without a token: give client-token-file, ` +
        'listen on 127.0.0.1, or lift this with --insecure',
    })
  }
  return faults
}
