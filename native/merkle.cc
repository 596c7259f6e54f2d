// Merkle trees as two tiers of arrays: the upper levels in the object, the lower ones in blocks.
#include "merkle.h"

#include <cstdlib>

#include "require.h"

namespace everwrite {
namespace {

uint64_t swapHalves(uint64_t value) { return std::rotl(value, 32); }

MerkleEntry entryAt(const uint32_t* words) {
  return {uint64_t{words[0]} << 32 | words[1], uint64_t{words[2]} << 32 | words[3]};
}

}  // namespace

/** The high word of each half comes first, and each word is little-endian. */
uint64_t MerkleTree::digestOf(MerkleEntry entry) const {
  return sipHash64(key_, swapHalves(entry.token), swapHalves(entry.digest));
}

/** The block of a token, made if need be; null if memory is out. */
uint64_t* MerkleTree::blockFor(uint64_t token) {
  uint64_t*& block = blocks_[token >> (64 - kBlockBits)];
  if (block == nullptr) [[unlikely]] {
    block = static_cast<uint64_t*>(std::calloc(kBlockSums, sizeof(uint64_t)));
    if (block != nullptr) blocksHeld_ += 1;
  }
  return block;
}

void MerkleTree::addToLevels(uint64_t* block, uint64_t token, uint64_t difference) {
  top_[0] += difference;
  for (uint32_t level = 1; level < kBlockLevel; level++) {
    top_[sumsAbove(level) + (token >> (64 - level * kMerkleChildBits))] += difference;
  }
  for (uint32_t level = kBlockLevel; level <= kLevels; level++) {
    block[sumInBlock(level, token)] += difference;
  }
}

bool MerkleTree::change(uint64_t token, uint64_t difference) {
  uint64_t* block = blockFor(token);
  if (block == nullptr) return false;
  addToLevels(block, token, difference);
  return true;
}

bool MerkleTree::replace(MerkleEntry entry, uint64_t newDigest) {
  return change(entry.token, digestOf({entry.token, newDigest}) - digestOf(entry));
}

bool MerkleTree::addAll(std::span<const uint32_t> words) {
  require(words.size() % kMerkleEntryWords == 0, "entries are whole");
  // All blocks first, so that nothing is added if memory is out.
  for (size_t at = 0; at < words.size(); at += kMerkleEntryWords) {
    if (blockFor(entryAt(&words[at]).token) == nullptr) return false;
  }
  constexpr size_t kGroupWords = kGroup * kMerkleEntryWords;
  for (; words.size() > kGroupWords; words = words.subspan(kGroupWords)) {
    addGroup(words.first(kGroupWords));
  }
  addGroup(words);
  return true;
}

/**
 * Adds at most kGroup entries: all digests before the first sum, because the memory of the sums is
 * fetched meanwhile. One entry after the other takes almost three times as long.
 */
void MerkleTree::addGroup(std::span<const uint32_t> words) {
  uint64_t digests[kGroup];
  const size_t count = words.size() / kMerkleEntryWords;
  for (size_t i = 0; i < count; i++) {
    const MerkleEntry entry = entryAt(&words[i * kMerkleEntryWords]);
    const uint64_t* block = blockFor(entry.token);
    __builtin_prefetch(block + sumInBlock(kLevels, entry.token), 1);
    __builtin_prefetch(block + sumInBlock(kLevels - 1, entry.token), 1);
    digests[i] = digestOf(entry);
  }
  for (size_t i = 0; i < count; i++) {
    const MerkleEntry entry = entryAt(&words[i * kMerkleEntryWords]);
    addToLevels(blockFor(entry.token), entry.token, digests[i]);
  }
}

/** A sum of the tree; null where its block was never written. */
const uint64_t* MerkleTree::find(uint32_t level, uint32_t index) const {
  if (level < kBlockLevel) return top_ + sumsAbove(level) + index;
  const uint64_t token = uint64_t{index} << (64 - level * kMerkleChildBits);
  const uint64_t* block = blocks_[token >> (64 - kBlockBits)];
  return block == nullptr ? nullptr : block + sumInBlock(level, token);
}

uint64_t* MerkleTree::find(uint32_t level, uint32_t index) {
  return const_cast<uint64_t*>(static_cast<const MerkleTree*>(this)->find(level, index));
}

uint64_t MerkleTree::sum(uint32_t bits, uint32_t prefix) const {
  require(bits <= kMerkleLeafBits && prefix >> bits == 0, "the prefix is of a leaf or shorter");
  // A prefix between two levels: at most eight branches of the next level are below it.
  const uint32_t level = (bits + kMerkleChildBits - 1) / kMerkleChildBits;
  const uint32_t spare = level * kMerkleChildBits - bits;
  uint64_t total = 0;
  for (uint32_t i = 0; i < 1u << spare; i++) {
    const uint64_t* found = find(level, prefix << spare | i);
    if (found != nullptr) total += *found;
  }
  return total;
}

std::array<uint64_t, kMerkleChildren> MerkleTree::sumsBelow(uint32_t bits, uint32_t prefix) const {
  std::array<uint64_t, kMerkleChildren> sums;
  for (uint32_t i = 0; i < kMerkleChildren; i++) {
    sums[i] = sum(bits + kMerkleChildBits, prefix << kMerkleChildBits | i);
  }
  return sums;
}

void MerkleTree::freeBlocks(uint32_t first, uint32_t count) {
  for (uint32_t i = first; i < first + count; i++) {
    if (blocks_[i] == nullptr) continue;
    std::free(blocks_[i]);
    blocks_[i] = nullptr;
    blocksHeld_ -= 1;
  }
}

void MerkleTree::clearPrefix(uint32_t bits, uint32_t prefix) {
  const uint64_t removed = sum(bits, prefix);
  for (uint32_t level = 0; level <= kLevels; level++) {
    const uint32_t levelBits = level * kMerkleChildBits;
    if (levelBits < bits) {
      uint64_t* above = find(level, prefix >> (bits - levelBits));
      if (above != nullptr) *above -= removed;
      continue;
    }
    const uint32_t spare = levelBits - bits;
    if (level == kBlockLevel) return freeBlocks(prefix << spare, 1u << spare);
    // The prefix is in one block, or above all of them: its sums on this level are adjacent.
    uint64_t* first = find(level, prefix << spare);
    if (first != nullptr) std::memset(first, 0, sizeof(uint64_t) << spare);
  }
}

}  // namespace everwrite
