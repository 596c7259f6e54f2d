// Bindings of record: write one record, verify one record, scan many.
#include "args.h"
#include "record.h"

namespace everwrite {
namespace {

/** Words behind the room for records: count, consumed, status, needed. */
constexpr size_t kSummaryWords = 4;

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
  uint32_t* summary = out.data() + words.size();
  summary[0] = scan.count;
  summary[1] = scan.consumed;
  summary[2] = static_cast<uint32_t>(scan.status);
  summary[3] = scan.needed;
  return number(env, scan.count);
}

}  // namespace

void bindRecord(Napi::Env env, Napi::Object exports) {
  give(env, exports, "recordHeaderBytes", kRecordHeaderBytes);
  give(env, exports, "recordWords", kRecordWords);
  give(env, exports, "recordScanWords", kRecordScanWords);
  give(env, exports, "encodeRecord", encodeRecordAt);
  give(env, exports, "verifyRecord", verifyRecordAt);
  give(env, exports, "scanRecords", scanRecordsInto);
}

}  // namespace everwrite
