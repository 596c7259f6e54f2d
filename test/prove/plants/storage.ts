/** Plants about how the bytes are kept: names, syncs, torn tails, rot. */
import type { Plant, PlantGroup } from './plant.ts'

const NAMES: readonly Plant[] = [
  {
    name: 'no sync of the directory after a segment is named',
    find: 'left = leftName; await directory.sync()',
    replace: 'left = leftName',
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
    find: 'await confirmNames(directory, names)',
    replace: 'void (directory, names)',
    why:
      'an earlier start may have failed to sync it, and the next power cut forgets it: ' +
      'three misfortunes in a row on one node, which the simulator seldom brings together',
    caughtBy: 'test/unit/store/log/log.test.ts',
  },
]

const STARTING: readonly Plant[] = [
  {
    name: 'what recovery accepted is not copied',
    find: 'for (const batch of accepted) await copyBatch(log, batch)',
    replace: 'void copyBatch',
    why: 'the last synced and acknowledged records are cut off with the torn tail',
  },
  {
    name: 'originals are passed over before their copies are durable',
    find: 'log.writer.commit(); await durable(log.writer)',
    replace: 'log.writer.commit()',
    why:
      'a power cut keeps the absence and tears the copies: acknowledged records are lost; it has ' +
      'to strike within one write of a start',
    caughtBy: 'test/unit/store/log/put-in-order.test.ts',
  },
  {
    name: 'a tail is removed before the absence that names it is durable',
    find: 'writer.addAbsence(object); await durable(writer)',
    replace: 'writer.addAbsence(object); void durable(writer).catch(() => undefined)',
    why: 'after a power cut what was rightly removed looks like damage',
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
    find: 'setNumber48(head, RecordWord.syncedLow, this.#durable)',
    replace: 'setNumber48(head, RecordWord.syncedLow, sequence - 1)',
    why: 'a torn tail counts as rot, and a key as unreadable',
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
  {
    name: 'a start does not write down what it cut off',
    find: 'absence.cut.set(segment.number, bytes)',
    replace: 'void bytes',
    why: 'at the next start a sound segment counts as damaged',
  },
  {
    name: 'the torn end of the log is believed',
    find: 'if (found.sequence <= this.#durable) return this.#apply(found)',
    replace: 'if (found.sequence > 0) return this.#apply(found)',
    why: 'records above a gap are kept whose neighbours are gone',
  },
  {
    name: 'a batch is kept in part',
    find: 'if (!isFollowing(found.kind)) batch = [found]',
    replace: 'if (found) batch = [found]',
    why: 'some of what was to happen together has happened; nodes append one record at a time',
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
  {
    name: 'a gap above what is known durable ends the log',
    find: 'for (const { sequence } of accepted.flat()) sequences.add(sequence)',
    replace:
      'for (let i = accepted.length - 1; i >= 0; i--) ' +
      'if (accepted[i][0].sequence > durable + accepted.flat().length) accepted.splice(i, 1); ' +
      'for (const { sequence } of accepted.flat()) sequences.add(sequence)',
    why: 'one rotten bit costs every record behind it in the last group',
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
  {
    name: 'an idle log writes no mark',
    find: 'else this.#mark()',
    replace: 'else void 0',
    why: 'rot in what was written last looks like a torn tail, and is not told',
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
    find: 'if (load<uint32_t>(header + 84) != crc32c(rest))',
    replace: 'if (read.noteBytes == 0 && load<uint32_t>(header + 84) != crc32c(rest))',
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
    find: 'return damage.sequence <= durable && !isPassedOver(damage, absence) ? [damage] : []',
    replace: 'return []',
    why: 'a durable record that is gone is not reported: an older value is served',
    caughtBy: 'test/unit/store/log/recovery.test.ts',
  },
  {
    name: 'a segment that is missing is not missed',
    find: 'const ranges = absence.removed.gaps(damage.segment, damage.lastSegment)',
    replace: 'const ranges = []',
    why: 'a file that was removed costs acknowledged records, and it is not told',
    caughtBy: 'test/unit/store/log/missing.test.ts',
  },
  {
    name: 'sequences that are missing are not missed',
    find: '.flatMap(({ first, last }) => absence.dropped.gaps(first, last))',
    replace: '.flatMap(() => [])',
    why: 'a segment that is blank from a record on costs the others, and it is not told',
    caughtBy: 'test/unit/store/log/missing.test.ts',
  },
  {
    name: 'a segment that ends early is not noticed',
    find: 'if (fullBytes === undefined || bytes >= fullBytes) return',
    replace: 'return',
    why: 'a file cut at a record costs the records behind it, and it is not told',
    caughtBy: 'test/unit/store/log/missing.test.ts',
  },
  {
    name: 'data of another cluster is opened',
    find: 'if (cluster !== configured.cluster)',
    replace: "if (cluster === '')",
    why: 'two clusters mix; a simulated machine keeps its disk',
    caughtBy: 'test/unit/store/identity.test.ts',
  },
]

const STALE: readonly Plant[] = [
  {
    name: 'the padding of a record is what was there before',
    find: 'std::memset(last, 0, static_cast<size_t>(out + total - last))',
    replace: '(void)last',
    why:
      'bytes of an earlier record, perhaps of an erased value, are in the file; no checksum ' +
      'covers them, so that nothing that reads records notices',
    caughtBy: 'test/sim/poison.test.ts',
  },
]

const SHORT: readonly Plant[] = [
  {
    name: 'puts use up the room that is kept for deletes',
    find: 'const isRoom = mayUseReserve || this.#roomBehind(number, restBytes) >= fullBytes',
    replace: 'const isRoom = true',
    why: 'on a full disk nothing can be deleted',
    caughtBy: 'test/unit/store/log/full-disk.test.ts',
  },
  {
    name: 'a start that finds no room believes what memory shows',
    find: 'await confirm(log, end)',
    replace: 'void confirm',
    why: 'after a failed sync the records are not on the disk, and are acknowledged as durable',
    caughtBy: 'test/unit/store/log/in-place.test.ts',
  },
  {
    name: 'a start that finds no room keeps a batch in part',
    find: 'if (isInBatch) continue',
    replace: 'void isInBatch',
    why: 'what was dropped stands below S later, and is believed',
    caughtBy: 'test/unit/store/log/in-place.test.ts',
  },
  {
    name: 'a process that may open no more files calls its records unreadable',
    find: "if (shortageOf(cause) !== 'files' || this.#isStopped) throw cause",
    replace: 'throw Object.assign(new Error(), { cause })',
    why: 'a copy is replaced, and a key refused, for want of a descriptor',
    caughtBy: 'test/unit/store/log/many-segments.test.ts',
  },
]

const RESTART = 'test/unit/node/cluster/moves-restart.test.ts'
const TOLD = 'test/unit/store/log/own-digests.test.ts'
const DIGESTS: readonly Plant[] = [
  {
    name: 'a replaced copy stays in the sums of a start',
    find: 'this.#told?.remove(gone.bucketId.n, token, gone.digest);',
    replace: '',
    why: 'each start finds leaves that differ from those of other owners, and reads them again',
    caughtBy: TOLD,
  },
  {
    name: 'dropped copies stay in the sums of a start',
    find: 'this.#tellGone({ place, token }, dropped);',
    replace: '',
    why: 'a member that gave partitions away shows sums of copies that it has no more',
    caughtBy: TOLD,
  },
  {
    name: 'what rot has a part in is not in doubt',
    find: 'await this.#doubt(damage.found);',
    replace: '',
    why: 'a rotten copy counts as the one before it, and exchanges find owners equal',
    caughtBy: TOLD,
  },
  {
    name: 'the tail of a log is not in doubt',
    find: 'await this.#doubt(kept);',
    replace: 'void kept;',
    why: 'copies that a crash has left are in no sum',
    caughtBy: TOLD,
  },
  {
    name: 'a drop while a leaf is read changes its sum in vain',
    find: 'if (drops === this.#drops)',
    replace: 'if (true)',
    why: 'a member that forgot all copies equals one that has them, and counts as whole',
    caughtBy: 'test/unit/node/replica/trees.test.ts',
  },
  {
    name: 'leaves in doubt count as read',
    find: 'return this.#next === undefined && this.#unread.size === 0;',
    replace: 'return this.#next === undefined;',
    why: 'an owner that has just started equals one which lacks what it has, and hands over less',
    caughtBy: RESTART,
  },
  {
    name: 'leaves in doubt are not read',
    find: 'if (!(await this.#read(leaf)))\n                return;',
    replace: '',
    why: 'their sums stay wrong until an exchange has found nothing to repair',
    caughtBy: 'test/unit/node/replica/trees.test.ts',
  },
]

export const STORAGE: PlantGroup = {
  name: 'storage',
  plantsMin: 36,
  plants: [...NAMES, ...STARTING, ...READING, ...ROT, ...STALE, ...SHORT, ...DIGESTS],
}
