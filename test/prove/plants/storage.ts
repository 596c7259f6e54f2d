/** Plants about how the bytes are kept: names, syncs, torn tails, rot. */
import type { Plant, PlantGroup } from './plant.ts'

const NAMES: readonly Plant[] = [
  {
    name: 'no sync of the directory after a segment is named',
    find: 'present = name; await directory.sync()',
    replace: 'present = name',
    why: 'a power cut loses the name, and with it acknowledged writes',
  },
  {
    name: 'a file is named before its bytes are durable',
    find: 'await file.sync(); await directory.rename(unfinished, name)',
    replace: 'await directory.rename(unfinished, name)',
    why: 'after a power cut the name stands for a part of the file',
  },
  {
    name: 'the name of a spare segment is taken for durable',
    find: 'await confirmNames(directory,',
    replace: 'void (directory,',
    why:
      'an earlier start may have failed to sync it, and the next power cut forgets it: ' +
      'three misfortunes in a row on one node, which the simulator seldom brings together',
    caughtBy: 'test/unit/store/log/log.test.ts',
  },
]

const STARTING: readonly Plant[] = [
  {
    name: 'what recovery accepted is not copied',
    find: 'await copyBatch(log, accepted.slice(start, i + 1))',
    replace: 'void start',
    why: 'the last synced and acknowledged records are cut off with the torn tail',
  },
  {
    name: 'a node answers before its tail is durable again',
    find: 'writer.mark(); try { await writer.synced(writer.sequence)',
    replace: 'writer.mark(); try { void writer.synced(writer.sequence).catch(() => undefined)',
    why: 'the old copy of the tail is removed, and a power cut takes the new one',
  },
  {
    name: 'sequences of a torn tail are given again',
    find: 'writer.skipTo(judgement.highest)',
    replace: 'void writer',
    why:
      'where that start is cut short as well, two records have one number: the dropped one may ' +
      'be believed, which the simulator seldom comes to',
    caughtBy: 'test/unit/store/log/put-in-order.test.ts',
  },
  {
    name: 'an older record wins at a start',
    find: 'other.sequence < found.sequence',
    replace: 'other.sequence > found.sequence',
    why: 'a key falls back to a replaced value',
  },
  {
    name: 'a record vouches for itself',
    find: 'offset, sequence, this.#durable, name.bucket',
    replace: 'offset, sequence, sequence - 1, name.bucket',
    why: 'a torn tail counts as rot, and a key as unreadable',
  },
  {
    name: 'the torn tail is left where it is',
    find: 'await segment.file.truncate(end)',
    replace: 'void end',
    why: 'at the next start it stands below what is durable, and looks like rot',
  },
  {
    name: 'the torn end of the log is believed',
    find: 'if (found.sequence <= this.#durable) return this.#apply(found)',
    replace: 'if (found.sequence > 0) return this.#apply(found)',
    why: 'records above a gap are kept whose neighbours are gone',
  },
  {
    name: 'a batch is kept in part',
    find: 'if (!isContinued(found.kind) && !isMark(found))',
    replace: 'if (!isMark(found))',
    why: 'some of what was to happen together has happened; nodes append one record at a time',
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
]

const READING: readonly Plant[] = [
  {
    name: 'the older of two places is read',
    find: 'reading.sequence > newest.sequence',
    replace: 'reading.sequence < newest.sequence',
    why: 'while an old place waits to be dropped, a key falls back to it',
  },
  {
    name: 'a place is taken for its key without a look',
    find: 'return reading.isAsked && reading.kind',
    replace: 'return reading.kind',
    why: 'two keys may have one token; in a simulated cluster none have',
    caughtBy: 'test/unit/store/log/log.test.ts',
  },
  {
    name: 'a buffer is handed out and used again',
    find: 'isOwned ? bytes.subarray(start, end) : bytes.slice(start, end)',
    replace: 'bytes.subarray(start, end)',
    why: 'the next read changes what the last one gave',
  },
  {
    name: 'a record whose body has rotted is handed out',
    find: 'const isBodyRotten = status === RecordStatus.bodyChecksum',
    replace: 'const isBodyRotten = false',
    why: 'rotten bytes are served, and spread to the other owners',
  },
  {
    name: 'a record with a note is not verified',
    find: 'if (load<uint32_t>(header + 48) != crc32c(contents))',
    replace: 'if (read.noteBytes == 0 && load<uint32_t>(header + 48) != crc32c(contents))',
    why: 'rot in records of one shape is not noticed',
  },
]

const ROT: readonly Plant[] = [
  {
    name: 'a scan of the log ends at the first damage',
    find: 'if (at > from && window.hasMagic(at)',
    replace: 'if (at < from && window.hasMagic(at)',
    why: 'one rotten record takes all behind it with it',
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
  {
    name: 'behind damage, what looks like a record is one',
    find: 'return status === RecordStatus.ok && this.#hasDigest(',
    replace: 'return status === RecordStatus.ok || this.#hasDigest(',
    why: "a client's value may hold the bytes of a record, and would be believed",
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
  {
    name: 'rot is taken for a torn tail',
    find: '#rot() { return this.#damages.filter((damage) => damage.sequence <= this.#durable)',
    replace: '#rot() { return this.#damages.filter(() => false)',
    why: 'a durable record that is gone is not reported: an older value is served',
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
  {
    name: 'data of another cluster is opened',
    find: 'if (found.cluster !== cluster)',
    replace: "if (found.cluster === '')",
    why: 'two clusters mix; a simulated machine keeps its disk',
    caughtBy: 'test/unit/store/identity.test.ts',
  },
]

export const STORAGE: PlantGroup = {
  name: 'storage',
  plantsMin: 20,
  plants: [...NAMES, ...STARTING, ...READING, ...ROT],
}
