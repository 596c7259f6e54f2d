// Writes, verifies and scans records. No length is used before its checksum is verified.
#include "record.h"

#include "crc32c.h"
#include "require.h"
#include "token.h"

namespace everwrite {
namespace {

constexpr uint32_t kMagic = 0x31725745;  // 'E', 'W', 'r', '1'
constexpr uint8_t kFormat = 3;
/** Of the byte of the kind: its higher bits say how a batch goes on. */
constexpr uint8_t kKindMask = 0x3f;

uint32_t low(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t high(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

uint64_t contentBytes(const RecordHead& head) {
  return uint64_t{head.bucketBytes} + head.keyBytes + head.noteBytes + head.bodyBytes;
}

/** Where the prefix ends, counted from the end of the header. */
uint64_t prefixEnd(const RecordHead& head) {
  return contentBytes(head) - head.bodyBytes + head.prefixBytes;
}

RecordHead readHead(const uint8_t* header) {
  RecordHead head;
  head.kind = header[5];
  head.bucketBytes = load<uint16_t>(header + 6);
  head.keyBytes = load<uint16_t>(header + 8);
  head.noteBytes = load<uint16_t>(header + 10);
  head.bodyBytes = load<uint32_t>(header + 12);
  head.segment = load<uint32_t>(header + 16);
  head.offset = load<uint32_t>(header + 20);
  head.sequence = load48(header + 24);
  head.synced = load48(header + 30);
  head.voids = load48(header + 36);
  head.policy = header[42];
  head.replicas = header[43];
  head.prefixBytes = load<uint32_t>(header + 44);
  head.digestStart = load<uint32_t>(header + 48);
  head.digest = uint64_t{load<uint32_t>(header + 52)} << 32 | load<uint32_t>(header + 56);
  head.place = load<uint64_t>(header + 60);
  head.creation = load<uint64_t>(header + 68);
  return head;
}

/** Writes all of the header but its checksums. */
void writeHead(uint8_t* header, const RecordHead& head) {
  std::memset(header, 0, kRecordHeaderBytes);
  store<uint32_t>(header, kMagic);
  header[4] = kFormat;
  header[5] = head.kind;
  store<uint16_t>(header + 6, head.bucketBytes);
  store<uint16_t>(header + 8, head.keyBytes);
  store<uint16_t>(header + 10, head.noteBytes);
  store<uint32_t>(header + 12, head.bodyBytes);
  store<uint32_t>(header + 16, head.segment);
  store<uint32_t>(header + 20, head.offset);
  store48(header + 24, head.sequence);
  store48(header + 30, head.synced);
  store48(header + 36, head.voids);
  header[42] = head.policy;
  header[43] = head.replicas;
  store<uint32_t>(header + 44, head.prefixBytes);
  store<uint32_t>(header + 48, head.digestStart);
  store<uint32_t>(header + 52, high(head.digest));
  store<uint32_t>(header + 56, low(head.digest));
  store<uint64_t>(header + 60, head.place);
  store<uint64_t>(header + 68, head.creation);
}

uint8_t* append(uint8_t* at, Bytes bytes) {
  std::memmove(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

/** Writes zeros from `last` to the end of the record at `out`. */
void pad(uint8_t* out, uint32_t total, uint8_t* last) {
  std::memset(last, 0, static_cast<size_t>(out + total - last));
}

/** Asks for the token of the record whose contents begin there. */
void wantToken(const RecordHead& head, const uint8_t* contents, uint32_t* words,
               TokenBatch& tokens) {
  tokens.add({contents, head.bucketBytes}, {contents + head.bucketBytes, head.keyBytes}, words);
}

/** Describes one record of a scan, and asks for its token. */
void describeInScan(uint32_t* words, const RecordHead& head, const uint8_t* contents,
                    uint32_t start, TokenBatch& tokens) {
  words[0] = head.kind;
  words[1] = start;
  words[2] = low(head.totalBytes());
  wantToken(head, contents, words + 3, tokens);
  words[5] = low(head.sequence);
  words[6] = high(head.sequence);
  words[7] = low(head.synced);
  words[8] = high(head.synced);
  words[9] = high(head.digest);
  words[10] = low(head.digest);
  words[11] = low(head.place);
  words[12] = high(head.place);
  words[13] = low(head.voids);
  words[14] = high(head.voids);
}

/** The same of a record of another log. */
void describeMoved(uint32_t* words, const RecordHead& head, const uint8_t* contents,
                   uint32_t start, TokenBatch& tokens) {
  words[0] = head.kind;
  words[1] = start;
  words[2] = low(head.totalBytes());
  wantToken(head, contents, words + 3, tokens);
  words[5] = high(head.digest);
  words[6] = low(head.digest);
  words[7] = head.policy;
  words[8] = head.replicas;
  words[9] = head.bucketBytes;
  words[10] = head.keyBytes;
  words[11] = head.noteBytes;
  words[12] = head.bodyBytes;
  words[13] = head.prefixBytes;
  words[14] = head.digestStart;
  words[15] = low(head.place);
  words[16] = high(head.place);
  words[17] = low(head.creation);
  words[18] = high(head.creation);
}

/** Verifies a record for the place that it states itself. */
RecordStatus verifyMoved(Bytes bytes, const SipHashKey& key, RecordHead& head) {
  if (bytes.size() < kRecordHeaderBytes) return RecordStatus::tooShort;
  const uint32_t segment = load<uint32_t>(bytes.data() + 16);
  const uint32_t offset = load<uint32_t>(bytes.data() + 20);
  const RecordStatus status = verifyRecord(bytes, segment, offset, head);
  if (status == RecordStatus::prefix) return RecordStatus::truncated;
  if (status != RecordStatus::ok) return status;
  const Bytes body = bytes.subspan(
      kRecordHeaderBytes + static_cast<size_t>(contentBytes(head)) - head.bodyBytes,
      head.bodyBytes);
  const bool isRight = sipHash64(key, body.subspan(head.digestStart)) == head.digest;
  return isRight ? RecordStatus::ok : RecordStatus::bodyChecksum;
}

}  // namespace

uint64_t RecordHead::totalBytes() const {
  return (kRecordHeaderBytes + contentBytes(*this) + 7) & ~uint64_t{7};
}

void RecordHead::describe(uint32_t* words) const {
  const uint64_t total = totalBytes();
  words[0] = kind;
  words[1] = bucketBytes;
  words[2] = keyBytes;
  words[3] = noteBytes;
  words[4] = bodyBytes;
  words[5] = total > kRecordBytesMax ? static_cast<uint32_t>(kRecordBytesMax) : low(total);
  words[6] = segment;
  words[7] = offset;
  words[8] = low(sequence);
  words[9] = high(sequence);
  words[10] = low(synced);
  words[11] = high(synced);
  words[12] = low(voids);
  words[13] = high(voids);
  words[14] = policy;
  words[15] = replicas;
  words[16] = prefixBytes;
  words[17] = digestStart;
  words[18] = high(digest);
  words[19] = low(digest);
  words[20] = low(place);
  words[21] = high(place);
  words[22] = low(creation);
  words[23] = high(creation);
  words[24] = areNamesSound ? 1 : 0;
}

bool RecordHead::read(const uint32_t* words) {
  const auto wide = [words](int at) { return uint64_t{words[at + 1]} << 32 | words[at]; };
  if (words[0] > 0xff || words[14] > 0xff || words[15] > 0xff) return false;
  if (words[9] > 0xffff || words[11] > 0xffff || words[13] > 0xffff) return false;
  kind = static_cast<uint8_t>(words[0]);
  segment = words[6];
  offset = words[7];
  sequence = wide(8);
  synced = wide(10);
  voids = wide(12);
  policy = static_cast<uint8_t>(words[14]);
  replicas = static_cast<uint8_t>(words[15]);
  prefixBytes = words[16];
  digestStart = words[17];
  digest = uint64_t{words[18]} << 32 | words[19];
  place = wide(20);
  creation = wide(22);
  return true;
}

uint32_t encodeRecord(uint8_t* out, RecordHead head, const RecordContents& contents) {
  require(contents.bucket.size() <= 0xffff && contents.key.size() <= 0xffff, "names are short");
  require(contents.note.size() <= 0xffff, "a note is short");
  require(contents.body.size() <= 0xffffffff, "a body's length has 32 bits");
  head.bucketBytes = static_cast<uint16_t>(contents.bucket.size());
  head.keyBytes = static_cast<uint16_t>(contents.key.size());
  head.noteBytes = static_cast<uint16_t>(contents.note.size());
  head.bodyBytes = static_cast<uint32_t>(contents.body.size());
  require(head.prefixBytes <= head.bodyBytes, "a prefix lies within the body");
  require(head.digestStart <= head.bodyBytes, "a digest is of a part of the body");
  const uint32_t total = low(head.totalBytes());

  uint8_t* first = out + kRecordHeaderBytes;
  uint8_t* last = append(append(append(append(first, contents.bucket), contents.key),
                                contents.note), contents.body);
  pad(out, total, last);
  writeHead(out, head);
  const uint8_t* prefix = first + prefixEnd(head) - head.prefixBytes;
  const uint8_t* rest = prefix + head.prefixBytes;
  store<uint32_t>(out + 76, crc32c({first, static_cast<size_t>(prefix - first)}));
  store<uint32_t>(out + 80, crc32c({prefix, head.prefixBytes}));
  store<uint32_t>(out + 84, crc32c({rest, static_cast<size_t>(last - rest)}));
  store<uint32_t>(out + 88, crc32c({out, 88}));
  return total;
}

RecordStatus verifyRecord(Bytes bytes, uint32_t segment, uint32_t offset, RecordHead& head) {
  const uint8_t* header = bytes.data();
  if (bytes.size() < kRecordHeaderBytes) return RecordStatus::tooShort;
  if (load<uint32_t>(header) != kMagic) return RecordStatus::noRecord;
  if (header[4] != kFormat) return RecordStatus::formatUnknown;
  if (load<uint32_t>(header + 88) != crc32c({header, 88})) return RecordStatus::headerChecksum;

  const RecordHead read = readHead(header);
  if (read.prefixBytes > read.bodyBytes) return RecordStatus::formatUnknown;
  if (read.digestStart > read.bodyBytes) return RecordStatus::formatUnknown;
  if (read.segment != segment || read.offset != offset) return RecordStatus::misplaced;
  head = read;
  const Bytes there = bytes.subspan(kRecordHeaderBytes);
  const size_t behind = static_cast<size_t>(prefixEnd(read));
  const size_t before = behind - read.prefixBytes;
  if (before > there.size()) return RecordStatus::truncated;
  head.areNamesSound = load<uint32_t>(header + 76) == crc32c(there.first(before));
  if (behind > there.size()) return RecordStatus::truncated;
  const Bytes prefix = there.subspan(before, read.prefixBytes);
  const bool isPrefixSound =
      head.areNamesSound && load<uint32_t>(header + 80) == crc32c(prefix);
  if (read.totalBytes() > bytes.size()) {
    return isPrefixSound ? RecordStatus::prefix : RecordStatus::truncated;
  }
  if (!isPrefixSound) return RecordStatus::bodyChecksum;
  const Bytes rest = there.subspan(behind, read.bodyBytes - read.prefixBytes);
  if (load<uint32_t>(header + 84) != crc32c(rest)) return RecordStatus::bodyChecksum;
  return RecordStatus::ok;
}

RecordScan scanRecords(Bytes bytes, size_t start, size_t end, uint32_t segment,
                       uint32_t baseOffset, std::span<uint32_t> words) {
  require(start <= end && end <= bytes.size(), "a scan is of bytes that are there");
  require(bytes.size() <= 0xffffffff, "positions in a scan have 32 bits");
  RecordScan scan;
  TokenBatch tokens;
  const size_t countMax = words.size() / kRecordScanWords;
  size_t at = start;
  while (scan.count < countMax && at < end) {
    RecordHead head;
    const uint32_t offset = static_cast<uint32_t>(baseOffset + (at - start));
    scan.status = verifyRecord(bytes.subspan(at, end - at), segment, offset, head);
    if (scan.status == RecordStatus::prefix) scan.status = RecordStatus::truncated;
    if (scan.status == RecordStatus::tooShort) scan.needed = kRecordHeaderBytes;
    if (scan.status == RecordStatus::truncated) {
      const uint64_t total = head.totalBytes();
      scan.needed = low(total > kRecordBytesMax ? kRecordBytesMax : total);
    }
    if (scan.status != RecordStatus::ok) break;
    describeInScan(words.data() + scan.count * kRecordScanWords, head,
                   bytes.data() + at + kRecordHeaderBytes, static_cast<uint32_t>(at), tokens);
    scan.count += 1;
    at += static_cast<size_t>(head.totalBytes());
  }
  tokens.flush();
  scan.consumed = static_cast<uint32_t>(at - start);
  return scan;
}

RecordScan scanMoved(Bytes bytes, const SipHashKey& key, std::span<uint32_t> words) {
  require(bytes.size() <= 0xffffffff, "positions in a scan have 32 bits");
  RecordScan scan;
  TokenBatch tokens;
  const size_t countMax = words.size() / kMovedWords;
  size_t at = 0;
  while (scan.count < countMax && at < bytes.size()) {
    RecordHead head;
    scan.status = verifyMoved(bytes.subspan(at), key, head);
    if (scan.status != RecordStatus::ok) break;
    describeMoved(words.data() + scan.count * kMovedWords, head,
                  bytes.data() + at + kRecordHeaderBytes, static_cast<uint32_t>(at), tokens);
    scan.count += 1;
    at += static_cast<size_t>(head.totalBytes());
  }
  tokens.flush();
  scan.consumed = static_cast<uint32_t>(at);
  return scan;
}

uint64_t movedBytes(Bytes bytes) {
  if (bytes.size() < kRecordHeaderBytes) return 0;
  RecordHead head = readHead(bytes.data());
  if (head.totalBytes() > bytes.size() || head.prefixBytes > head.bodyBytes) return 0;
  head.noteBytes = 0;
  return head.totalBytes();
}

uint32_t encodeMoved(uint8_t* out, Bytes bytes, const RecordPlace& to) {
  RecordHead head = readHead(bytes.data());
  const uint8_t* names = bytes.data() + kRecordHeaderBytes;
  const size_t nameBytes = size_t{head.bucketBytes} + head.keyBytes;
  const uint8_t* body = names + nameBytes + head.noteBytes;
  head.kind &= kKindMask;
  head.noteBytes = 0;
  head.segment = to.segment;
  head.offset = to.offset;
  head.sequence = to.sequence;
  head.synced = to.synced;
  head.voids = 0;
  const uint32_t total = low(head.totalBytes());
  uint8_t* first = out + kRecordHeaderBytes;
  uint8_t* last = append(append(first, {names, nameBytes}), {body, head.bodyBytes});
  pad(out, total, last);
  writeHead(out, head);
  store<uint32_t>(out + 76, crc32c({first, nameBytes}));
  std::memcpy(out + 80, bytes.data() + 80, 8);
  store<uint32_t>(out + 88, crc32c({out, 88}));
  return total;
}

}  // namespace everwrite
