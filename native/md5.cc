// MD5 over lanes: which message is in which lane. The 64 steps are in md5_rounds.h.
//
// Invariant: a lane's state belongs to one message from its first block to its last. A lane without
// a message computes too, and its state is never read.
#include "md5.h"

#include "md5_rounds.h"
#include "require.h"

namespace everwrite {
namespace {

constexpr uint32_t kStart[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
constexpr size_t kBlockBytes = 64;

/** A message is followed by 0x80, zeros, and its length in bits: nine bytes at the least. */
uint64_t blockCount(uint64_t bytes) { return (bytes + 8) / kBlockBytes + 1; }

/** Copies what falls in the block at `at` of a piece that begins at `begin` of the message. */
inline void layPiece(Bytes piece, uint64_t begin, uint64_t at, uint8_t* block) {
  const uint64_t end = begin + piece.size();
  if (piece.empty() || end <= at || begin >= at + kBlockBytes) return;
  const uint64_t from = begin < at ? at : begin;
  const uint64_t to = end > at + kBlockBytes ? at + kBlockBytes : end;
  std::memcpy(block + (from - at), piece.data() + (from - begin), to - from);
}

/** Lays the 64 bytes of the padded message that begin at `at`. */
void layBlock(const Md5Message& message, uint64_t at, uint8_t* block) {
  const uint64_t total = message.bytes();
  if (total < at + kBlockBytes) std::memset(block, 0, kBlockBytes);
  uint64_t begin = 0;
  if (message.hasLength) {
    require(message.first.size() <= 0xffff, "a length in front has 16 bits");
    // The length lies in the first block only, and never across two.
    if (at == 0) store<uint16_t>(block, static_cast<uint16_t>(message.first.size()));
    begin = 2;
  }
  layPiece(message.first, begin, at, block);
  layPiece(message.second, begin + message.first.size(), at, block);
  if (total >= at && total < at + kBlockBytes) block[total - at] = 0x80;
  if (total + 9 <= at + kBlockBytes) store<uint64_t>(block + 56, total * 8);
}

/** One block into one state. */
void compress(uint32_t* state, const uint8_t* block) {
  uint32_t w[16];
  std::memcpy(w, block, sizeof w);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  MD5_ROUNDS
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

/** Words in rows, lanes in columns: row i holds word i of every lane. */
template <size_t Lanes>
struct alignas(64) Grid {
  uint32_t state[4][Lanes];
  uint32_t words[16][Lanes];
};

// One block a lane. Vectors stay inside the function, where its target allows them.
#define MD5_COMPRESS_LANES(name, lanes, target)               \
  target void name(Grid<lanes>& grid) {                       \
    typedef uint32_t V __attribute__((vector_size(4 * lanes))); \
    const V* w = reinterpret_cast<const V*>(grid.words);      \
    V* state = reinterpret_cast<V*>(grid.state);              \
    V a = state[0], b = state[1], c = state[2], d = state[3]; \
    MD5_ROUNDS                                                \
    state[0] += a;                                            \
    state[1] += b;                                            \
    state[2] += c;                                            \
    state[3] += d;                                            \
  }

// Four lanes are SSE2 on any x86-64 and NEON on any arm64.
MD5_COMPRESS_LANES(compress4, 4, )
#if defined(__x86_64__)
MD5_COMPRESS_LANES(compress8, 8, __attribute__((target("avx2"))))
MD5_COMPRESS_LANES(compress16, 16, __attribute__((target("avx512f,avx512vl"))))
#endif

/** Keeps every lane busy: the message that ends gives its lane to the next one that waits. */
template <size_t Lanes, void (*compressLanes)(Grid<Lanes>&)>
void runLanes(const Md5Message* messages, size_t count, Md5Digest* digests) {
  Grid<Lanes> grid;
  std::memset(&grid, 0, sizeof grid);
  size_t message[Lanes];
  uint64_t at[Lanes];
  size_t next = 0;
  size_t busy = 0;
  const auto take = [&](size_t lane) {
    message[lane] = next;
    at[lane] = 0;
    next += 1;
    for (size_t i = 0; i < 4; i++) grid.state[i][lane] = kStart[i];
  };
  while (busy < Lanes && next < count) take(busy++);
  while (busy > 0) {
    for (size_t lane = 0; lane < busy; lane++) {
      uint32_t block[16];
      layBlock(messages[message[lane]], at[lane], reinterpret_cast<uint8_t*>(block));
      for (size_t i = 0; i < 16; i++) grid.words[i][lane] = block[i];
    }
    compressLanes(grid);
    for (size_t lane = busy; lane-- > 0;) {
      at[lane] += kBlockBytes;
      const size_t ended = message[lane];
      if (at[lane] < blockCount(messages[ended].bytes()) * kBlockBytes) continue;
      for (size_t i = 0; i < 4; i++) digests[ended].words[i] = grid.state[i][lane];
      if (next < count) {
        take(lane);
        continue;
      }
      // Nothing waits: the last busy lane moves here, so that busy lanes stay a prefix.
      busy -= 1;
      message[lane] = message[busy];
      at[lane] = at[busy];
      for (size_t i = 0; i < 4; i++) grid.state[i][lane] = grid.state[i][busy];
    }
  }
}

using Batch = void (*)(const Md5Message*, size_t, Md5Digest*);

struct Variant {
  Batch batch;
  size_t lanes;
};

/** What this processor can run, the widest first. */
struct Variants {
  Variant list[3];
  size_t count = 0;

  Variants() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {
      list[count++] = {runLanes<16, compress16>, 16};
    }
    if (__builtin_cpu_supports("avx2")) list[count++] = {runLanes<8, compress8>, 8};
#endif
    list[count++] = {runLanes<4, compress4>, 4};
  }
};

const Variants kVariants;

}  // namespace

Md5Digest md5(const Md5Message& message) {
  Md5Digest digest;
  std::memcpy(digest.words, kStart, sizeof kStart);
  const uint64_t end = blockCount(message.bytes()) * kBlockBytes;
  alignas(8) uint8_t block[kBlockBytes];
  for (uint64_t at = 0; at < end; at += kBlockBytes) {
    layBlock(message, at, block);
    compress(digest.words, block);
  }
  return digest;
}

void md5Batch(const Md5Message* messages, size_t count, Md5Digest* digests) {
  if (count == 1) {
    digests[0] = md5(messages[0]);
    return;
  }
  kVariants.list[0].batch(messages, count, digests);
}

size_t md5VariantCount() { return kVariants.count; }

size_t md5VariantLanes(size_t index) { return kVariants.list[index].lanes; }

void md5BatchBy(size_t index, const Md5Message* messages, size_t count, Md5Digest* digests) {
  kVariants.list[index].batch(messages, count, digests);
}

}  // namespace everwrite
