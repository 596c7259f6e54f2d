// The key directory: from a key's token to the location of its newest record, 16 bytes an entry.
//
// Bitcask keeps every key in memory. This directory keeps the key's token instead, so an entry has
// the same size for every key. Entries of keys with one token are distinguished by reading their
// records, which hold the keys.
//
// Tokens are spread evenly (MD5), so a token's bits give its slot in a table, its home:
// token · homes / 2^54. Entries are in token order, each at its home or after it with no free slot
// between ("ordered linear probing", Amble and Knuth, 1974). So a search that finds nothing ends as
// early as one that finds, and the slots can be read in token order, which scans, transfers and
// hash trees need.
//
//   slots  | a0 | a1 | b1 |    | c4 | d4 | d4 |    |     letter: order, digit: home
//             0    1    2    3    4    5    6    7
//
// The top ten bits choose one of 1,024 tables, which grow one at a time: no pause is longer than
// the move of one table. A table grows by a seventh when 87 of 100 slots are taken, and removals
// shrink it before 74 of 100 homes are left taken. So an entry costs 18 to 22 bytes; the allocator
// adds some three for the holes it keeps, and 24 is the bound.
//
// An attacker who searches for keys with adjacent tokens makes long runs, and a change moves the
// rest of its run: ten thousand such keys cost ten microseconds for each change.
//
// Invariants, for each table:
//   - taken slots are in token order; equal tokens in the order they came.
//   - an entry stands at or after its home, and every slot between is taken.
#ifndef EVERWRITE_KEY_DIRECTORY_H_
#define EVERWRITE_KEY_DIRECTORY_H_

#include "bytes.h"

namespace everwrite {

/** Where a record stands. Segment kNoSegment is nowhere, and marks a slot as free. */
struct Location {
  uint32_t segment;
  uint32_t offset;

  bool operator==(const Location&) const = default;
};

inline constexpr uint32_t kNoSegment = 0xffffffff;

/** Words of an entry in a page: token hi, token lo, segment, offset. */
inline constexpr size_t kDirectoryWords = 4;

class KeyDirectory {
 public:
  KeyDirectory() = default;
  ~KeyDirectory() { clear(); }
  KeyDirectory(const KeyDirectory&) = delete;
  KeyDirectory& operator=(const KeyDirectory&) = delete;

  /** Adds an entry; false if memory is out. Requires: location.segment != kNoSegment. */
  bool insert(uint64_t token, Location location);

  /** Writes (segment, offset) of entries with this token, as many as fit; returns how many. */
  size_t find(uint64_t token, std::span<uint32_t> locations) const;

  /**
   * Writes the location of the only entry of each of out.size() / 2 tokens, which stand every
   * `stride` words as hi and lo: kNoSegment and 0 where it has none, and 1 where it has several.
   * Requires: words has them all.
   */
  void soles(std::span<const uint32_t> words, size_t stride, std::span<uint32_t> out) const;

  /**
   * Points the entry (token, from) to another location; false if there is none.
   * Requires: to.segment != kNoSegment.
   */
  bool replace(uint64_t token, Location from, Location to);

  /** Takes the entry (token, location) out; false if there is none. */
  bool remove(uint64_t token, Location location);

  /**
   * Writes entries with token >= from in token order, kDirectoryWords each, as many as fit; returns
   * how many. Leaves out the last token if not all of its entries fit, unless it is the only one:
   * so the token after the last one given is where the next page begins.
   */
  size_t page(uint64_t from, std::span<uint32_t> words) const;

  void clear();

  uint64_t size() const { return size_; }

  /** Memory held, this object with it. */
  uint64_t bytes() const { return sizeof(KeyDirectory) + slotsHeld_ * sizeof(Entry); }

 private:
  struct Entry {
    uint64_t token;
    Location location;

    bool isFree() const { return location.segment == kNoSegment; }
  };

  struct Table {
    Entry* entries = nullptr;
    /** Slots that are a home; the rest, at the end, take what the last homes push out. */
    uint32_t homes = 0;
    uint32_t slots = 0;
    uint32_t taken = 0;

    uint32_t homeOf(uint64_t token) const;
    uint32_t lowerBound(uint64_t token) const;
    uint32_t slotOf(uint64_t token, Location location) const;
  };

  static constexpr int kTableBits = 10;
  static constexpr size_t kTables = size_t{1} << kTableBits;

  static size_t tableOf(uint64_t token) { return token >> (64 - kTableBits); }

  bool rebuild(Table& table, uint32_t slots);

  Table tables_[kTables];
  uint64_t size_ = 0;
  uint64_t slotsHeld_ = 0;
};

}  // namespace everwrite

#endif  // EVERWRITE_KEY_DIRECTORY_H_
