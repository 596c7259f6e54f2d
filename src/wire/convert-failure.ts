/**
 * Failures to and from protobuf: the code, the sentence, and what else is known.
 *
 * Lists and texts that are too long are cut, on both sides: a failure must not fail.
 */
import { bytesOfHex, hexOf } from '../base/bytes.ts'
import { ERROR_KINDS, errorCodeOf, type FailedNode, type FailureDetails } from '../base/errors.ts'
import { ID_BYTES } from '../dynamo/names.ts'
import {
  LIMIT_NAME_CHARS_MAX,
  REPLICAS_MAX,
  RETRY_AFTER_MS_MAX,
  SENTENCE_CHARS_MAX,
} from '../limits.ts'
import { garbled } from './bounds.ts'
import type { Converter } from './convert-client.ts'
import { everwrite as pb } from './generated/messages.js'
import type { Failure } from './message/session.ts'

export const failure: Converter<Failure> = {
  encode: ({ code, message, certainty, details }, writer) =>
    void pb.Failure.encode(
      {
        code: ERROR_KINDS[code].number,
        message: message.slice(0, SENTENCE_CHARS_MAX),
        inDoubt: certainty === 'in-doubt',
        ...(details === undefined ? {} : fieldsOf(details)),
      },
      writer,
    ),
  decode: (reader) => {
    const message = pb.Failure.decode(reader)
    return {
      code: errorCodeOf(message.code),
      message: message.message.slice(0, SENTENCE_CHARS_MAX),
      certainty: message.inDoubt ? 'in-doubt' : 'refused',
      details: detailsOf(message),
    }
  },
}

function fieldsOf(details: FailureDetails): pb.Failure.$Properties {
  const { needed, answered, nodes = [], retryAfterMs = 0, limit } = details
  return {
    needed: needed ?? 0,
    answered: answered ?? 0,
    nodes: nodes.slice(0, REPLICAS_MAX).map(({ node, code }) => ({
      node: bytesOfHex(node) ?? null,
      code: ERROR_KINDS[code].number,
    })),
    retryAfterMs: Math.min(retryAfterMs, RETRY_AFTER_MS_MAX),
    limit: limit?.name.slice(0, LIMIT_NAME_CHARS_MAX) ?? '',
    limitValue: limit?.value ?? 0,
  }
}

/** Undefined where the failure says nothing more. */
function detailsOf(message: pb.Failure): FailureDetails | undefined {
  const { needed, answered, nodes, limit, limitValue } = message
  const retryAfterMs = Math.min(message.retryAfterMs, RETRY_AFTER_MS_MAX)
  const details: FailureDetails = {
    ...(needed > 0 ? { needed, answered } : {}),
    ...(nodes.length > 0 ? { nodes: nodes.slice(0, REPLICAS_MAX).map(nodeOf) } : {}),
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
    ...(limit === '' ? {} : { limit: limitOf(limit, limitValue) }),
  }
  return Object.keys(details).length > 0 ? details : undefined
}

function nodeOf({ node, code }: pb.FailedNode.$Properties): FailedNode {
  if (node?.length !== ID_BYTES) throw garbled('a node id in a failure does not have 8 bytes')
  return { node: hexOf(node), code: errorCodeOf(code ?? 0) }
}

function limitOf(name: string, value: number): NonNullable<FailureDetails['limit']> {
  return { name: name.slice(0, LIMIT_NAME_CHARS_MAX), value }
}
