// Bindings of record: write one record, verify one record, scan many, move many to another log.
#include "args.h"
#include "record.h"

namespace everwrite {
namespace {

/** Words behind the room for records: count, consumed, status, needed. */
constexpr size_t kSummaryWords = 4;
/** A sequence has 48 bits. */
constexpr uint64_t kSequenceMax = (uint64_t{1} << 48) - 1;

/** Reads the third to the seventh argument of encodeRecord: head, bucket, key, note, body. */
bool readRecord(Args<7>& args, RecordHead& head, RecordContents& contents) {
  std::span<uint32_t> words;
  if (!args.words(2, words)) return false;
  if (words.size() < kRecordWords || !head.read(words.data())) return args.refuseRange(2);
  if (!args.bytes(3, contents.bucket) || !args.bytes(4, contents.key)) return false;
  if (!args.bytes(5, contents.note) || !args.bytes(6, contents.body)) return false;
  if (contents.bucket.size() > 0xffff) return args.refuseRange(3);
  if (contents.key.size() > 0xffff) return args.refuseRange(4);
  if (contents.note.size() > 0xffff) return args.refuseRange(5);
  if (contents.body.size() > 0xffffffff) return args.refuseRange(6);
  if (head.prefixBytes > contents.body.size()) return args.refuseRange(2);
  return head.digestStart <= contents.body.size() || args.refuseRange(2);
}

/**
 * encodeRecord(out, at, head, bucket, key, note, body)
 *
 * Copies bucket, key, note and body into `out`, and returns the bytes written.
 */
napi_value encodeRecordAt(napi_env env, napi_callback_info info) {
  Args<7> args(env, info);
  RecordHead head;
  RecordContents contents;
  uint8_t* out = nullptr;
  if (!readRecord(args, head, contents)) return nullptr;

  head.bucketBytes = static_cast<uint16_t>(contents.bucket.size());
  head.keyBytes = static_cast<uint16_t>(contents.key.size());
  head.noteBytes = static_cast<uint16_t>(contents.note.size());
  head.bodyBytes = static_cast<uint32_t>(contents.body.size());
  if (head.totalBytes() > kRecordBytesMax) return args.refuseRange(6), nullptr;
  if (!args.room(0, head.totalBytes(), out)) return nullptr;
  return number(env, encodeRecord(out, head, contents));
}

/** verifyRecord(bytes, start, end, segment, offset, out) */
napi_value verifyRecordAt(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  Bytes bytes;
  size_t start = 0;
  size_t end = 0;
  uint32_t segment = 0;
  uint32_t offset = 0;
  std::span<uint32_t> out;
  if (!args.bytes(0, bytes)) return nullptr;
  if (!args.integer(2, bytes.size(), end) || !args.integer(1, end, start)) return nullptr;
  if (!args.word(3, segment) || !args.word(4, offset) || !args.words(5, out)) return nullptr;
  if (out.size() < kRecordWords) return args.refuseRange(5), nullptr;

  RecordHead head;
  const RecordStatus status =
      verifyRecord(bytes.subspan(start, end - start), segment, offset, head);
  if (status == RecordStatus::ok || status == RecordStatus::truncated ||
      status == RecordStatus::bodyChecksum || status == RecordStatus::prefix) {
    head.describe(out.data());
  }
  return number(env, static_cast<uint32_t>(status));
}

void summarise(const RecordScan& scan, uint32_t* summary) {
  summary[0] = scan.count;
  summary[1] = scan.consumed;
  summary[2] = static_cast<uint32_t>(scan.status);
  summary[3] = scan.needed;
}

/** scanRecords(bytes, start, end, segment, baseOffset, out) */
napi_value scanRecordsInto(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  Bytes bytes;
  size_t start = 0;
  size_t end = 0;
  uint32_t segment = 0;
  uint32_t baseOffset = 0;
  std::span<uint32_t> out;
  if (!args.bytes(0, bytes)) return nullptr;
  // Positions are given as 32-bit words.
  if (bytes.size() > 0xffffffff) return args.refuseRange(0), nullptr;
  if (!args.integer(2, bytes.size(), end) || !args.integer(1, end, start)) return nullptr;
  if (!args.word(3, segment) || !args.word(4, baseOffset) || !args.words(5, out)) return nullptr;
  if (out.size() < kRecordScanWords + kSummaryWords) return args.refuseRange(5), nullptr;

  const std::span<uint32_t> words = out.first(out.size() - kSummaryWords);
  const RecordScan scan = scanRecords(bytes, start, end, segment, baseOffset, words);
  summarise(scan, out.data() + words.size());
  return number(env, scan.count);
}

/** scanMoved(bytes, key, out) */
napi_value scanMovedInto(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Bytes bytes;
  Bytes key;
  std::span<uint32_t> out;
  if (!args.bytes(0, bytes) || !args.bytes(1, key) || !args.words(2, out)) return nullptr;
  if (bytes.size() > 0xffffffff) return args.refuseRange(0), nullptr;
  if (key.size() != kSipHashKeyBytes) return args.refuseRange(1), nullptr;
  if (out.size() < kMovedWords + kSummaryWords) return args.refuseRange(2), nullptr;

  const std::span<uint32_t> words = out.first(out.size() - kSummaryWords);
  const RecordScan scan = scanMoved(bytes, SipHashKey(key.data()), words);
  summarise(scan, out.data() + words.size());
  return number(env, scan.count);
}

/**
 * encodeMoved(bytes, starts, count, out, at, segment, offset, sequence, synced)
 *
 * Writes the records that begin at the first `count` of `starts`, one behind the other, the first
 * at (segment, offset) with that sequence. Returns the bytes written.
 */
napi_value encodeMovedInto(napi_env env, napi_callback_info info) {
  Args<9> args(env, info);
  Bytes bytes;
  std::span<uint32_t> starts;
  size_t count = 0;
  std::span<uint8_t> out;
  size_t at = 0;
  RecordPlace to;
  if (!args.bytes(0, bytes) || !args.words(1, starts)) return nullptr;
  if (!args.integer(2, starts.size(), count) || !args.bytes(3, out)) return nullptr;
  if (!args.integer(4, out.size(), at)) return nullptr;
  if (!args.word(5, to.segment) || !args.word(6, to.offset)) return nullptr;
  if (!args.integer(7, kSequenceMax - count, to.sequence)) return nullptr;
  if (!args.integer(8, kSequenceMax, to.synced)) return nullptr;

  const size_t first = at;
  for (const uint32_t start : starts.first(count)) {
    if (start > bytes.size()) return args.refuseRange(1), nullptr;
    const uint64_t total = movedBytes(bytes.subspan(start));
    if (total == 0 || total > kRecordBytesMax) return args.refuseRange(1), nullptr;
    if (total > out.size() - at) return args.refuseRange(4), nullptr;
    at += encodeMoved(out.data() + at, bytes.subspan(start), to);
    to.offset += static_cast<uint32_t>(total);
    to.sequence += 1;
  }
  return number(env, static_cast<uint32_t>(at - first));
}

}  // namespace

void bindRecord(Napi::Env env, Napi::Object exports) {
  give(env, exports, "recordHeaderBytes", kRecordHeaderBytes);
  give(env, exports, "recordWords", kRecordWords);
  give(env, exports, "recordScanWords", kRecordScanWords);
  give(env, exports, "movedWords", kMovedWords);
  give(env, exports, "encodeRecord", encodeRecordAt);
  give(env, exports, "verifyRecord", verifyRecordAt);
  give(env, exports, "scanRecords", scanRecordsInto);
  give(env, exports, "scanMoved", scanMovedInto);
  give(env, exports, "encodeMoved", encodeMovedInto);
}

}  // namespace everwrite
