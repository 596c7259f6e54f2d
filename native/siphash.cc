// SipHash-2-4 with digests of 64 and 128 bits, which differ in three constants.
#include "siphash.h"

namespace everwrite {
namespace {

struct State {
  uint64_t v0, v1, v2, v3;

  /**
   * The state before the input, "somepseudorandomlygeneratedbytes" in ASCII; `mark` sets the two
   * lengths of digest apart.
   */
  State(const SipHashKey& key, uint64_t mark)
      : v0(key.k0 ^ 0x736f6d6570736575),
        v1(key.k1 ^ 0x646f72616e646f6d ^ mark),
        v2(key.k0 ^ 0x6c7967656e657261),
        v3(key.k1 ^ 0x7465646279746573) {}

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  void take(uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }

  uint64_t end64() {
    v2 ^= 0xff;
    return end();
  }

  uint64_t end() {
    for (int i = 0; i < 4; i++) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

/** The last word of an input holds its length in its top byte. */
uint64_t lengthWord(uint64_t length) { return length << 56; }

/** The state after the whole input. */
State absorb(const SipHashKey& key, Bytes bytes, uint64_t mark) {
  State state(key, mark);
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) state.take(load<uint64_t>(at));
  uint64_t last = lengthWord(bytes.size());
  for (size_t i = 0; i < left; i++) last |= static_cast<uint64_t>(at[i]) << (8 * i);
  state.take(last);
  return state;
}

}  // namespace

uint64_t sipHash64(const uint8_t* key, Bytes bytes) {
  return sipHash64(SipHashKey(key), bytes);
}

uint64_t sipHash64(const SipHashKey& key, Bytes bytes) { return absorb(key, bytes, 0).end64(); }

uint64_t sipHash64(const SipHashKey& key, uint64_t first, uint64_t second) {
  State state(key, 0);
  state.take(first);
  state.take(second);
  state.take(lengthWord(16));
  return state.end64();
}

void sipHash128(const uint8_t* key, Bytes bytes, uint8_t* out) {
  State state = absorb(SipHashKey(key), bytes, 0xee);
  state.v2 ^= 0xee;
  store<uint64_t>(out, state.end());
  state.v1 ^= 0xdd;
  store<uint64_t>(out + 8, state.end());
}

}  // namespace everwrite
