/**
 * Encode the messages of the handshake as protobuf bytes, and decode them.
 *
 * Their fields are checked by the steps of the handshake, the formats first: two versions that
 * cannot talk are to say so, whatever else they send.
 */
import { type Converter, plain } from './convert-client.ts'
import { countOfWide, wideOfCount } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import {
  type Hello,
  type Identity,
  type Role,
  ROLE_NUMBERS,
  type Settings,
  type Welcome,
} from './message/session.ts'

const ROLES: ReadonlyMap<number, Role> = new Map(
  Object.entries(ROLE_NUMBERS).map(([role, number]) => [number, role as Role]),
)

function propertiesOf(settings: Settings): pb.Settings.$Properties {
  return { ...settings, features: [...settings.features] }
}

// Fields that were not sent are the prototype's: a rest pattern would leave them out.
function settingsOf(settings: pb.Settings.$Properties | null | undefined): Settings {
  return {
    features: settings?.features ?? [],
    callsMax: settings?.callsMax ?? 0,
    windowBytes: settings?.windowBytes ?? 0,
    messageBytesMax: settings?.messageBytesMax ?? 0,
    deadlineMs: settings?.deadlineMs ?? 0,
  }
}

const hello: Converter<Hello> = {
  encode: (message, writer) => {
    const settings = propertiesOf(message.settings)
    const role = message.role === undefined ? 0 : ROLE_NUMBERS[message.role]
    pb.Hello.encode({ ...message, role, settings, keys: [...message.keys] }, writer)
  },
  decode: (reader) => {
    const message = pb.Hello.decode(reader)
    const { formatMin, formatMax, cluster, version } = message
    return {
      formatMin,
      formatMax,
      role: ROLES.get(message.role),
      nonce: plain(message.nonce),
      settings: settingsOf(message.settings),
      cluster,
      version,
      invitation: plain(message.invitation),
      keys: message.keys ?? [],
    }
  },
}

const welcome: Converter<Welcome> = {
  encode: ({ format, settings, nonce, key }, writer) =>
    void pb.Welcome.encode({ format, settings: propertiesOf(settings), nonce, key }, writer),
  decode: (reader) => {
    const { format, settings, nonce, key } = pb.Welcome.decode(reader)
    return { format, settings: settingsOf(settings), nonce: plain(nonce), key }
  },
}

const proof: Converter<Uint8Array> = {
  encode: (proof, writer) => void pb.Proof.encode({ proof }, writer),
  decode: (reader) => plain(pb.Proof.decode(reader).proof),
}

const identity: Converter<Identity> = {
  encode: (message, writer) => {
    const replaced = [...message.replaced]
    const durable = wideOfCount(message.durable)
    const metDurable = wideOfCount(message.metDurable)
    const met = [...message.met]
    pb.Identity.encode({ ...message, replaced, met, durable, metDurable }, writer)
  },
  decode: (reader) => {
    const message = pb.Identity.decode(reader)
    const { cluster, version, placement } = message
    return {
      cluster,
      node: plain(message.node),
      version,
      processId: plain(message.processId),
      directory: plain(message.directory),
      replaced: message.replaced.map(plain),
      placement,
      met: message.met.map(plain),
      durable: countOfWide(message.durable),
      metDurable: countOfWide(message.metDurable),
      isRebuilding: message.isRebuilding,
    }
  },
}

const ready: Converter<undefined> = {
  encode: (_, writer) => void pb.Ready.encode({}, writer),
  decode: (reader) => void pb.Ready.decode(reader),
}

export const HANDSHAKE_CONVERTERS = { hello, welcome, proof, identity, ready } as const
