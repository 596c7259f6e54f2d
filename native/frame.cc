// Scans chunks for frames. The bytes come from the network and are not trusted.
#include "frame.h"

#include "crc32c.h"
#include "require.h"
#include "token.h"

namespace everwrite {
namespace {

constexpr uint16_t kMagic = 0x5745;  // 'E', 'W'
constexpr uint8_t kFormat = 1;

/** Kinds 32..47. */
bool speaksOfOneKey(uint8_t kind) { return (kind & 0xf0) == 0x20; }

/** Reads a protobuf message field by field, never past its end. */
class FieldReader {
 public:
  explicit FieldReader(Bytes body) : at_(body.data()), end_(body.data() + body.size()) {}

  bool isAtEnd() const { return at_ == end_; }

  /** A base-128 integer of at most 64 bits. */
  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 70 && at_ < end_; shift += 7) {
      const uint8_t byte = *at_++;
      value |= static_cast<uint64_t>(byte & 0x7f) << (shift < 64 ? shift : 0);
      if (byte < 0x80) return shift < 63 || byte <= 1;
    }
    return false;
  }

  /** The bytes of a field whose one-byte tag must come next; false if another does. */
  bool bytesOf(uint8_t tag, Bytes& bytes) {
    if (at_ == end_ || *at_ != tag) return false;
    at_ += 1;
    return lengthAndBytes(bytes);
  }

  /** Skips one field and tells its number; false if the message is malformed. */
  bool skip(uint64_t& number) {
    uint64_t tag = 0;
    if (!varint(tag)) return false;
    number = tag >> 3;
    Bytes bytes;
    uint64_t value = 0;
    switch (tag & 7) {
      case 0: return varint(value);
      case 1: return advance(8);
      case 2: return lengthAndBytes(bytes);
      case 5: return advance(4);
      default: return false;
    }
  }

 private:
  bool lengthAndBytes(Bytes& bytes) {
    uint64_t length = 0;
    if (!varint(length) || length > static_cast<uint64_t>(end_ - at_)) return false;
    bytes = {at_, static_cast<size_t>(length)};
    at_ += length;
    return true;
  }

  bool advance(ptrdiff_t count) {
    if (end_ - at_ < count) return false;
    at_ += count;
    return true;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

/** Finds bucket and key; false unless both are there, not empty, and said only once. */
bool findKey(Bytes body, Bytes& bucket, Bytes& key) {
  FieldReader reader(body);
  if (!reader.bytesOf(0x0a, bucket) || !reader.bytesOf(0x12, key)) return false;
  if (bucket.empty() || bucket.size() > kBucketBytesMax || key.empty()) return false;
  while (!reader.isAtEnd()) {
    uint64_t number = 0;
    if (!reader.skip(number) || number <= 2) return false;
  }
  return true;
}

/** The fault of a header, all of whose bytes may not be there yet. */
FrameFault judge(const uint8_t* header, size_t left, uint32_t bodyBytesMax) {
  // A connection that is no Everwrite client is refused by its first bytes, not after twenty.
  if (left >= 2 && load<uint16_t>(header) != kMagic) return FrameFault::magic;
  if (left >= 3 && header[2] != kFormat) return FrameFault::format;
  if (left < kFrameHeaderBytes) return FrameFault::none;
  if (load<uint32_t>(header + 16) != crc32c({header, 16})) return FrameFault::headerChecksum;
  if (load<uint16_t>(header + 6) != 0) return FrameFault::reservedBits;
  if (load<uint32_t>(header + 12) > bodyBytesMax) return FrameFault::bodyTooLong;
  return FrameFault::none;
}

}  // namespace

FrameScan scanFrames(Bytes chunk, size_t start, size_t end, uint32_t bodyBytesMax,
                     std::span<uint32_t> words) {
  require(start <= end && end <= chunk.size(), "a scan is of bytes in the chunk");
  require(chunk.size() <= 0xffffffff, "positions in a chunk have 32 bits");
  require(bodyBytesMax <= 0xffffffff - kFrameOverheadBytes, "a frame's length has 32 bits");
  FrameScan scan;
  TokenBatch tokens;
  const size_t countMax = words.size() / kFrameWords;
  size_t at = start;
  while (scan.count < countMax && at < end) {
    const uint8_t* header = chunk.data() + at;
    const size_t left = end - at;
    scan.fault = judge(header, left, bodyBytesMax);
    if (scan.fault != FrameFault::none || left < kFrameHeaderBytes) break;

    const uint32_t bodyBytes = load<uint32_t>(header + 12);
    // Another thread may write to shared memory meanwhile, so the bound is checked again.
    if (bodyBytes > bodyBytesMax) break;
    const uint32_t frameBytes = kFrameOverheadBytes + bodyBytes;
    if (left < frameBytes) {
      scan.needed = frameBytes;
      break;
    }
    const Bytes body(header + kFrameHeaderBytes, bodyBytes);
    if (load<uint32_t>(body.data() + bodyBytes) != crc32c(body)) {
      scan.fault = FrameFault::bodyChecksum;
      break;
    }
    uint32_t* out = words.data() + scan.count * kFrameWords;
    const uint8_t kind = header[3];
    out[0] = kind;
    out[1] = load<uint16_t>(header + 4);
    out[2] = load<uint32_t>(header + 8);
    out[3] = static_cast<uint32_t>(at + kFrameHeaderBytes);
    out[4] = bodyBytes;
    out[5] = out[6] = out[7] = 0;
    Bytes bucket, key;
    if (speaksOfOneKey(kind) && findKey(body, bucket, key)) {
      tokens.add(bucket, key, out + 5);
      out[7] = 1;
    }
    scan.count += 1;
    at += frameBytes;
  }
  tokens.flush();
  scan.consumed = static_cast<uint32_t>(at - start);
  return scan;
}

void writeFrame(uint8_t* frame, const FrameHead& head) {
  store<uint16_t>(frame, kMagic);
  frame[2] = kFormat;
  frame[3] = head.kind;
  store<uint16_t>(frame + 4, head.flags);
  store<uint16_t>(frame + 6, 0);
  store<uint32_t>(frame + 8, head.callId);
  store<uint32_t>(frame + 12, head.bodyBytes);
  store<uint32_t>(frame + 16, crc32c({frame, 16}));
  uint8_t* body = frame + kFrameHeaderBytes;
  store<uint32_t>(body + head.bodyBytes, crc32c({body, head.bodyBytes}));
}

}  // namespace everwrite
