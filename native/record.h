// Records: the unit of the log. Each can be verified without any other.
//
//    0  4  magic 'EWr1'          24  6  sequence                  52  4  digest, high half
//    4  1  format, 3             30  6  synced: the highest       56  4  digest, low half
//    5  1  kind                         sequence known durable    60  8  place: the member that a
//    6  2  bucket bytes                 when this was written            hint is for, or zeros
//    8  2  key bytes             36  6  voids: older records of   68  8  creation id of the bucket
//   10  2  note bytes                   its key and place, up to  76  4  CRC-32C of the names, note
//   12  4  body bytes                   this sequence, are void   80  4  CRC-32C of the prefix
//   16  4  segment               42  1  policy of the bucket      84  4  CRC-32C behind the prefix
//   20  4  offset in that        43  1  N of the bucket           88  4  CRC-32C of bytes 0..87
//          segment               44  4  prefix bytes              92     bucket, key, note, body,
//                                48  4  digest start                     zeros to a multiple of 8
//
// All integers are little-endian; ids are eight bytes in the order of their digits.
//
// The prefix is the beginning of the body, as long as the writer says. It has a checksum of its
// own, so that a reader can verify it without reading the rest. So have the names, so that a
// damaged record is known to be of its key.
//
// Segment and offset are in the record because a disk may give back sound bytes from the wrong
// place. The caller gives the digest (of the body from the digest start on, under a secret key:
// siphash.h), so that values are compared without being read. No checksum covers the padding.
//
// These numbers are in files. Append only; never reuse.
#ifndef EVERWRITE_RECORD_H_
#define EVERWRITE_RECORD_H_

#include "siphash.h"

namespace everwrite {

inline constexpr uint32_t kRecordHeaderBytes = 92;
inline constexpr uint64_t kRecordBytesMax = 0xfffffff8;

/** Words of one verified record; see RecordHead::describe. */
inline constexpr size_t kRecordWords = 25;
/** Words of one record in a scan; see scanRecords. */
inline constexpr size_t kRecordScanWords = 15;
/** Words of one record that another log wrote; see scanMoved. */
inline constexpr size_t kMovedWords = 19;

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
  uint64_t voids = 0;
  uint8_t policy = 0;
  uint8_t replicas = 0;
  /** At most bodyBytes. */
  uint32_t digestStart = 0;
  uint64_t digest = 0;
  /** Eight bytes each, as they stand in the record. */
  uint64_t place = 0;
  uint64_t creation = 0;
  /** Whether bucket, key and note are there and sound: known of a record that was verified. */
  bool areNamesSound = false;

  /** Header, contents and padding. May pass kRecordBytesMax, which encodeRecord does not. */
  uint64_t totalBytes() const;

  /**
   * Writes kRecordWords: kind, bucket, key, note and body bytes, total bytes, segment, offset; low
   * 32 and high 16 bits of sequence, synced and voids; policy, N, prefix bytes, digest start;
   * digest high and low; the first and the last four bytes of place and creation; whether the
   * names are sound.
   */
  void describe(uint32_t* words) const;

  /** Takes all but lengths and the last from such words; false if one does not fit its field. */
  bool read(const uint32_t* words);
};

struct RecordContents {
  Bytes bucket;
  Bytes key;
  Bytes note;
  Bytes body;
};

/**
 * Writes a whole record at `out` and returns its bytes. The lengths of bucket, key, note
 * and body follow from the contents; all else is taken from `head`.
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
 * and lo, place first and last, voids low and high.
 *
 * Requires: start <= end <= bytes.size() < 2^32.
 */
RecordScan scanRecords(Bytes bytes, size_t start, size_t end, uint32_t segment,
                       uint32_t baseOffset, std::span<uint32_t> words);

/**
 * Verifies records of another log that follow one another in `bytes`, each for the place at which
 * it says that it stood there, and its digest under `key`. Describes each in kMovedWords of
 * `words`: kind, start in `bytes`, total bytes, token hi and lo, digest hi and lo, policy, N,
 * bucket, key, note and body bytes, prefix bytes, digest start, place first and last, creation
 * first and last. A wrong digest counts as a wrong checksum of the body.
 *
 * Requires: bytes.size() < 2^32.
 */
RecordScan scanMoved(Bytes bytes, const SipHashKey& key, std::span<uint32_t> words);

/** Where a record gets its place in this log. */
struct RecordPlace {
  uint32_t segment = 0;
  uint32_t offset = 0;
  uint64_t sequence = 0;
  uint64_t synced = 0;
};

/** The bytes that the record at bytes[0] takes in another log; 0 if it is not all there. */
uint64_t movedBytes(Bytes bytes);

/**
 * Writes the record at bytes[0] to `out` as one of this log, and returns its bytes: without its
 * note, a batch of its own, and voiding nothing. The checksums of its object stay as they are.
 *
 * Requires: scanMoved found it sound, room for movedBytes at `out`, and both do not overlap.
 */
uint32_t encodeMoved(uint8_t* out, Bytes bytes, const RecordPlace& to);

}  // namespace everwrite

#endif  // EVERWRITE_RECORD_H_
