// Loads and stores of little-endian integers at any alignment.
//
// Every format of Everwrite is little-endian, and so is every machine that it is built for: a load
// is one instruction. A big-endian port would change this file alone.
//
// Requires: the caller has checked that the bytes are there. Nothing here checks a bound.
#ifndef EVERWRITE_BYTES_H_
#define EVERWRITE_BYTES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace everwrite {

static_assert(std::endian::native == std::endian::little, "formats are read as the machine reads");

using Bytes = std::span<const uint8_t>;

template <class Integer>
inline Integer load(const uint8_t* from) {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class Integer>
inline void store(uint8_t* to, Integer value) {
  std::memcpy(to, &value, sizeof value);
}

/** The 48-bit integer in six bytes. */
inline uint64_t load48(const uint8_t* from) {
  return load<uint32_t>(from) | static_cast<uint64_t>(load<uint16_t>(from + 4)) << 32;
}

/** Requires: value < 2^48. */
inline void store48(uint8_t* to, uint64_t value) {
  store<uint32_t>(to, static_cast<uint32_t>(value));
  store<uint16_t>(to + 4, static_cast<uint16_t>(value >> 32));
}

}  // namespace everwrite

#endif  // EVERWRITE_BYTES_H_
