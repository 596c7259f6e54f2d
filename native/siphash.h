// SipHash-2-4: a digest under a secret key, for bytes that an adversary may choose.
//
// A client that does not know the key cannot find two inputs with one digest, so it cannot prepare
// values that a hash tree would take for equal. Source: Aumasson
// and Bernstein, "SipHash: a fast short-input PRF", 2012, and their reference code for 128 bits.
#ifndef EVERWRITE_SIPHASH_H_
#define EVERWRITE_SIPHASH_H_

#include "bytes.h"

namespace everwrite {

inline constexpr size_t kSipHashKeyBytes = 16;

/** A key read once, for many digests. */
struct SipHashKey {
  /** `key` is 16 bytes. */
  explicit SipHashKey(const uint8_t* key) : k0(load<uint64_t>(key)), k1(load<uint64_t>(key + 8)) {}

  uint64_t k0, k1;
};

/** The digest as a number; the reference code prints it little-endian. `key` is 16 bytes. */
uint64_t sipHash64(const uint8_t* key, Bytes bytes);
uint64_t sipHash64(const SipHashKey& key, Bytes bytes);

/** The same of 16 bytes: two words, each little-endian. */
uint64_t sipHash64(const SipHashKey& key, uint64_t first, uint64_t second);

/** Writes 16 bytes into `out`, as the reference code prints them. `key` is 16 bytes. */
void sipHash128(const uint8_t* key, Bytes bytes, uint8_t* out);

}  // namespace everwrite

#endif  // EVERWRITE_SIPHASH_H_
