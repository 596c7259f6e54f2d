// Merkle trees over the tokens of one node: two copies of a partition are equal if its sums are.
//
// The tree has five levels of 16 children. A leaf is a prefix of 20 bits of a token; its value is
// the sum, modulo 2^64, of SipHash-2-4 over each of its entries, and the value of a branch is the
// sum of its children. So the order of changes has no influence, a change is one addition on each
// level, and a subtraction undoes it. A leaf without entries is 0.
//
//   level   0     1     2  |  3       4        5
//   bits    0     4     8  |  12      16       20
//           1     16    256 blocks of 4,369 sums, allocated when first written
//
// One tree serves all partitions: each of 2^b partitions is a prefix of b bits; its root is the sum
// of the branches below that prefix. So doubling the number of partitions computes no digest.
//
// An entry is a token and the digest of its object. Nodes compare sums, so these numbers are on the
// wire: SipHash reads an entry as 16 bytes, its four words token hi, token lo, digest hi, digest
// lo, each little-endian. All nodes that compare trees have one key, and clients do not know it.
//
// Why not digests of digests, as Merkle has them: a change would then read and digest 16 children
// on each level. They would protect from equal sums made on purpose; here the secret key does.
// Source: Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing: Incrementality at
// Reduced Cost", 1997, for sums of digests.
#ifndef EVERWRITE_MERKLE_H_
#define EVERWRITE_MERKLE_H_

#include <array>

#include "siphash.h"

namespace everwrite {

/** Bits of a token that choose its leaf. */
inline constexpr uint32_t kMerkleLeafBits = 20;

/** Bits of a token that choose a child, and how many children there are. */
inline constexpr uint32_t kMerkleChildBits = 4;
inline constexpr uint32_t kMerkleChildren = 1 << kMerkleChildBits;

/** Words of an entry: token hi, token lo, digest hi, digest lo. */
inline constexpr size_t kMerkleEntryWords = 4;

/** Sums on the levels above `level` of a tree, and so the index of its first one in an array. */
constexpr uint32_t sumsAbove(uint32_t level) {
  return ((1u << level * kMerkleChildBits) - 1) / (kMerkleChildren - 1);
}

struct MerkleEntry {
  uint64_t token;
  uint64_t digest;
};

class MerkleTree {
 public:
  /** `key` is 16 bytes, and is copied. */
  explicit MerkleTree(const uint8_t* key) : key_(key) {}
  ~MerkleTree() { clear(); }
  MerkleTree(const MerkleTree&) = delete;
  MerkleTree& operator=(const MerkleTree&) = delete;

  // Each of the next four changes nothing and returns false if memory is out.

  bool add(MerkleEntry entry) { return change(entry.token, digestOf(entry)); }
  bool remove(MerkleEntry entry) { return change(entry.token, -digestOf(entry)); }
  bool replace(MerkleEntry entry, uint64_t newDigest);

  /** Requires: `words` are whole entries, kMerkleEntryWords each. */
  bool addAll(std::span<const uint32_t> words);

  /** The sum of all leaves below a prefix. Requires: bits <= kMerkleLeafBits, prefix < 2^bits. */
  uint64_t sum(uint32_t bits, uint32_t prefix) const;

  /** The sums of the 16 prefixes that are longer by four bits. Requires: bits <= 16. */
  std::array<uint64_t, kMerkleChildren> sumsBelow(uint32_t bits, uint32_t prefix) const;

  /**
   * Removes all entries below a prefix; frees the blocks that are wholly below it.
   * Requires: bits <= kMerkleLeafBits, prefix < 2^bits.
   */
  void clearPrefix(uint32_t bits, uint32_t prefix);

  void clear() { clearPrefix(0, 0); }

  /** Memory held, this object with it. */
  uint64_t bytes() const {
    return sizeof(MerkleTree) + blocksHeld_ * kBlockSums * sizeof(uint64_t);
  }

 private:
  static constexpr uint32_t kLevels = kMerkleLeafBits / kMerkleChildBits;
  static constexpr uint32_t kBlockLevel = 2;
  static constexpr uint32_t kBlockBits = kBlockLevel * kMerkleChildBits;
  static constexpr uint32_t kBlocks = 1 << kBlockBits;

  static constexpr uint32_t kTopSums = sumsAbove(kBlockLevel);
  static constexpr uint32_t kBlockSums = sumsAbove(kLevels - kBlockLevel + 1);

  /** Entries that `addAll` digests before it adds them. */
  static constexpr size_t kGroup = 32;

  /** The index in its block of the sum above a token, on a level >= kBlockLevel. */
  static uint32_t sumInBlock(uint32_t level, uint64_t token) {
    const uint32_t index = static_cast<uint32_t>(token >> (64 - level * kMerkleChildBits));
    const uint32_t levelInBlock = level - kBlockLevel;
    return sumsAbove(levelInBlock) + (index & ((1u << levelInBlock * kMerkleChildBits) - 1));
  }

  uint64_t digestOf(MerkleEntry entry) const;
  bool change(uint64_t token, uint64_t difference);
  void addGroup(std::span<const uint32_t> words);
  void addToLevels(uint64_t* block, uint64_t token, uint64_t difference);
  uint64_t* blockFor(uint64_t token);
  uint64_t* find(uint32_t level, uint32_t index);
  const uint64_t* find(uint32_t level, uint32_t index) const;
  void freeBlocks(uint32_t first, uint32_t count);

  SipHashKey key_;
  uint64_t top_[kTopSums] = {};
  uint64_t* blocks_[kBlocks] = {};
  uint64_t blocksHeld_ = 0;
};

}  // namespace everwrite

#endif  // EVERWRITE_MERKLE_H_
