/**
 * The settings that the sides of a connection tell each other in Hello and Welcome.
 *
 * Each side tells which limits it keeps, so that the other sends no more. A number that is absent,
 * or greater than the one of this build, counts as that one: sending less than is allowed is always
 * right.
 */
import {
  CALLS_PER_CONNECTION_MAX,
  DEADLINE_MS_MAX,
  FEATURES_MAX,
  MESSAGE_BYTES_MAX,
  SETTING_BYTES_MIN,
  VERSION_CHARS_MAX,
  WINDOW_BYTES,
} from '../limits.ts'
import { garbled } from './bounds.ts'
import type { Settings } from './message/session.ts'

/** What this build tells, unless its options say otherwise. */
export const OWN_SETTINGS: Settings = {
  features: [],
  callsMax: CALLS_PER_CONNECTION_MAX,
  windowBytes: WINDOW_BYTES,
  messageBytesMax: MESSAGE_BYTES_MAX,
  deadlineMs: 0,
}

/** The settings of the other side, of the numbers that it told. Throws `message-garbled`. */
export function settingsTold(told: Settings): Settings {
  if (told.features.length > FEATURES_MAX) {
    throw garbled(`${told.features.length} features are told: tell at most ${FEATURES_MAX}`)
  }
  return {
    features: told.features,
    callsMax: atMost(told.callsMax, CALLS_PER_CONNECTION_MAX),
    windowBytes: bytesAtMost('window_bytes', told.windowBytes, WINDOW_BYTES),
    messageBytesMax: bytesAtMost('message_bytes_max', told.messageBytesMax, MESSAGE_BYTES_MAX),
    deadlineMs: Math.min(told.deadlineMs, DEADLINE_MS_MAX),
  }
}

/** Versions are shown to people: printable ASCII. Throws `message-garbled`. */
export function checkVersion(version: string): void {
  if (version.length <= VERSION_CHARS_MAX && /^[ -~]*$/.test(version)) return
  throw garbled(`a version has at most ${VERSION_CHARS_MAX} characters, printable ASCII`)
}

function atMost(told: number, bound: number): number {
  return told === 0 ? bound : Math.min(told, bound)
}

function bytesAtMost(name: string, told: number, bound: number): number {
  if (told === 0 || told >= SETTING_BYTES_MIN) return atMost(told, bound)
  throw garbled(`${name} is ${told}: tell at least ${SETTING_BYTES_MIN}, or 0`)
}
