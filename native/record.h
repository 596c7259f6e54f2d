// Records: the unit of the log. Each can be verified without any other.
//
//    0  4  magic 'EWr1'          24  6  sequence                  48  4  prefix bytes
//    4  1  format, 2             30  2  zero                      52  4  CRC-32C behind the prefix
//    5  1  kind                  32  4  digest, high half         56  4  CRC-32C from byte 64 to
//    6  2  bucket bytes          36  4  digest, low half                 the end of the prefix
//    8  2  key bytes             40  6  synced: the highest       60  4  CRC-32C of bytes 0..59
//   10  2  note bytes                   sequence known durable    64     bucket, key, note, body,
//   12  4  body bytes                   when this was written            zeros to a multiple of 8
//   16  4  segment               46  2  zero
//   20  4  offset in that segment                                 all integers little-endian
//
// The prefix is the beginning of the body, as long as the writer says. It has a checksum of its
// own, with the names and the note, so that a reader can verify it without reading the rest.
//
// Segment and offset are in the record because a disk may give back sound bytes from the wrong
// place. The caller gives the digest (of the body, under a secret key: siphash.h), so that values
// are compared without being read. No checksum covers the padding.
//
// These numbers are in files. Append only; never reuse.
#ifndef EVERWRITE_RECORD_H_
#define EVERWRITE_RECORD_H_

#include "bytes.h"

namespace everwrite {

inline constexpr uint32_t kRecordHeaderBytes = 64;
inline constexpr uint64_t kRecordBytesMax = 0xfffffff8;
inline constexpr uint64_t kSequenceMax = (uint64_t{1} << 48) - 1;

/** Words of one verified record; see RecordHead::describe. */
inline constexpr size_t kRecordWords = 13;
/** Words of one record in a scan; see scanRecords. */
inline constexpr size_t kRecordScanWords = 11;

enum class RecordStatus : uint32_t {
  ok = 0,
  tooShort = 1,        // Fewer bytes than a header has.
  noRecord = 2,        // Another magic: never written, or not the start of a record.
  formatUnknown = 3,   // Written by something newer.
  headerChecksum = 4,
  misplaced = 5,       // Sound, but of another segment or offset.
  truncated = 6,       // The header is sound, the end of the record is not there.
  bodyChecksum = 7,    // All is there; the prefix, what is before it or behind it is damaged.
  prefix = 8,          // Truncated, but sound up to the end of the prefix, which is there.
};

/** All lengths, and the bytes that the record takes. */
struct RecordHead {
  uint8_t kind = 0;
  uint16_t bucketBytes = 0;
  uint16_t keyBytes = 0;
  uint16_t noteBytes = 0;
  uint32_t bodyBytes = 0;
  /** At most bodyBytes. */
  uint32_t prefixBytes = 0;
  uint32_t segment = 0;
  uint32_t offset = 0;
  uint64_t sequence = 0;
  uint64_t synced = 0;
  uint64_t digest = 0;

  /** Header, contents and padding. May pass kRecordBytesMax, which encodeRecord does not. */
  uint64_t totalBytes() const;

  /**
   * Writes kRecordWords: kind, bucket, key, note and body bytes, sequence low 32 and high 16,
   * digest high and low, synced low 32 and high 16, total bytes, prefix bytes.
   */
  void describe(uint32_t* words) const;
};

struct RecordContents {
  Bytes bucket;
  Bytes key;
  Bytes note;
  Bytes body;
};

/**
 * Writes a whole record at `out` and returns its bytes. Of `head` it takes kind, place, sequence,
 * synced, digest and prefix bytes; the other lengths follow from the contents.
 *
 * Requires: lengths that fit their fields, totalBytes() at `out`, contents that do not overlap it.
 */
uint32_t encodeRecord(uint8_t* out, RecordHead head, const RecordContents& contents);

/**
 * Judges the record that should begin at bytes[0] and stand at (segment, offset). Fills `head` for
 * ok, truncated, bodyChecksum and prefix: where the header is sound and in its place.
 */
RecordStatus verifyRecord(Bytes bytes, uint32_t segment, uint32_t offset, RecordHead& head);

struct RecordScan {
  /** Records described. */
  uint32_t count = 0;
  /** Bytes they take, from the start of the scan. */
  uint32_t consumed = 0;
  /** What the scan met after them, prefix as truncated; ok at the end, or for want of room. */
  RecordStatus status = RecordStatus::ok;
  /** Bytes of what it met, if too few are there: a header's, or the whole record's; or 0. */
  uint32_t needed = 0;
};

/**
 * Verifies records that follow one another in [start, end) of `bytes`, the first of which should
 * stand at (segment, baseOffset), and describes each in kRecordScanWords of `words`: kind, start
 * in `bytes`, total bytes, token hi and lo, sequence low and high, synced low and high, digest hi
 * and lo.
 *
 * Requires: start <= end <= bytes.size() < 2^32.
 */
RecordScan scanRecords(Bytes bytes, size_t start, size_t end, uint32_t segment,
                       uint32_t baseOffset, std::span<uint32_t> words);

}  // namespace everwrite

#endif  // EVERWRITE_RECORD_H_
