// CRC-32C in three variants: a table, the crc32 instruction, and folding by carry-less products.
//
// A CRC is the remainder of the message, read as a polynomial, by P. Remainders allow a shortcut:
// sixteen bytes X that stand D bits before others may be replaced there by X·x^D mod P, which is
// two carry-less products. So the message is folded onto itself, 64 or 256 bytes at a time with no
// chain between them, until sixteen bytes are left, and the crc32 instruction divides those. (Gopal
// et al., "Fast CRC computation for generic polynomials using PCLMULQDQ", Intel, 2009.)
//
// Invariant: `crc` below is the inner state, without the inversions at both ends.
#include "crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace everwrite {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Reflected: bit 31 is x^0, P's own x^32 left out.

/** table[k][b]: the remainder of byte b followed by k zero bytes. */
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables makeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; k++) {
    for (size_t byte = 0; byte < 256; byte++) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = makeTables();

/** Any machine: eight bytes a turn ("slicing by 8", Kounavis and Berry, 2005). */
uint32_t extendByTable(uint32_t crc, const uint8_t* at, size_t bytes) {
  for (; bytes >= 8; at += 8, bytes -= 8) {
    const uint64_t word = load<uint64_t>(at) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; k++) crc ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; bytes > 0; at++, bytes--) crc = (crc >> 8) ^ kTables[0][(crc ^ *at) & 0xff];
  return crc;
}

#if defined(__x86_64__)

/** x^n mod P, reflected. */
constexpr uint64_t powerOfX(int n) {
  uint32_t power = 0x80000000;  // x^0
  for (int i = 0; i < n; i++) power = (power >> 1) ^ (power & 1 ? kPolynomial : 0);
  return power;
}

/**
 * What sixteen bytes are multiplied by to move D bits on: first eight bytes, last eight.
 * A reflected product of a 64-bit word and a 32-bit power stands 33 bits too far: so much is taken
 * off, and the first eight bytes stand 64 bits before the last.
 */
template <int D>
struct Fold {
  static constexpr int64_t first = static_cast<int64_t>(powerOfX(D + 64 - 33));
  static constexpr int64_t last = static_cast<int64_t>(powerOfX(D - 33));
};

#define SSE42 __attribute__((target("sse4.2")))
#define PCLMUL __attribute__((target("sse4.2,pclmul")))
#define VPCLMUL __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,avx512dq,vpclmulqdq")))

/** One chain of the crc32 instruction: the best there is for what is short. */
SSE42 inline uint32_t extendByInstruction(uint32_t crc, const uint8_t* at, size_t bytes) {
  uint64_t state = crc;
  for (; bytes >= 8; at += 8, bytes -= 8) state = _mm_crc32_u64(state, load<uint64_t>(at));
  crc = static_cast<uint32_t>(state);
  if (bytes & 4) {
    crc = _mm_crc32_u32(crc, load<uint32_t>(at));
    at += 4;
  }
  if (bytes & 2) {
    crc = _mm_crc32_u16(crc, load<uint16_t>(at));
    at += 2;
  }
  if (bytes & 1) crc = _mm_crc32_u8(crc, *at);
  return crc;
}

SSE42 uint32_t extendSse42(uint32_t crc, const uint8_t* at, size_t bytes) {
  return extendByInstruction(crc, at, bytes);
}

PCLMUL inline __m128i loadSixteen(const uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

PCLMUL inline __m128i fold(__m128i x, __m128i by, __m128i onto) {
  const __m128i first = _mm_clmulepi64_si128(x, by, 0x00);
  const __m128i last = _mm_clmulepi64_si128(x, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(first, last), onto);
}

/** Divides the last sixteen bytes, then takes what is left over one by one. */
PCLMUL inline uint32_t finish(__m128i x, const uint8_t* at, size_t bytes) {
  uint64_t state = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_extract_epi64(x, 0)));
  state = _mm_crc32_u64(state, static_cast<uint64_t>(_mm_extract_epi64(x, 1)));
  return extendByInstruction(static_cast<uint32_t>(state), at, bytes);
}

/** Four sums of sixteen bytes each. */
PCLMUL uint32_t extendPclmul(uint32_t crc, const uint8_t* at, size_t bytes) {
  if (bytes < 192) return extendByInstruction(crc, at, bytes);
  const __m128i far = _mm_set_epi64x(Fold<512>::last, Fold<512>::first);
  const __m128i near = _mm_set_epi64x(Fold<128>::last, Fold<128>::first);
  __m128i x0 = _mm_xor_si128(loadSixteen(at), _mm_cvtsi32_si128(static_cast<int>(crc)));
  __m128i x1 = loadSixteen(at + 16);
  __m128i x2 = loadSixteen(at + 32);
  __m128i x3 = loadSixteen(at + 48);
  for (at += 64, bytes -= 64; bytes >= 64; at += 64, bytes -= 64) {
    x0 = fold(x0, far, loadSixteen(at));
    x1 = fold(x1, far, loadSixteen(at + 16));
    x2 = fold(x2, far, loadSixteen(at + 32));
    x3 = fold(x3, far, loadSixteen(at + 48));
  }
  return finish(fold(fold(fold(x0, near, x1), near, x2), near, x3), at, bytes);
}

VPCLMUL inline __m512i foldWide(__m512i x, __m512i by, __m512i onto) {
  const __m512i first = _mm512_clmulepi64_epi128(x, by, 0x00);
  const __m512i last = _mm512_clmulepi64_epi128(x, by, 0x11);
  return _mm512_ternarylogic_epi64(first, last, onto, 0x96);
}

template <int D>
VPCLMUL inline __m512i distance() {
  return _mm512_set4_epi64(Fold<D>::last, Fold<D>::first, Fold<D>::last, Fold<D>::first);
}

/** Four sums of 64 bytes each. */
VPCLMUL uint32_t extendVpclmul(uint32_t crc, const uint8_t* at, size_t bytes) {
  if (bytes < 512) return extendPclmul(crc, at, bytes);
  const __m512i far = distance<2048>();
  const __m512i near = distance<512>();
  const __m512i start = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc)));
  __m512i y0 = _mm512_xor_si512(_mm512_loadu_si512(at), start);
  __m512i y1 = _mm512_loadu_si512(at + 64);
  __m512i y2 = _mm512_loadu_si512(at + 128);
  __m512i y3 = _mm512_loadu_si512(at + 192);
  for (at += 256, bytes -= 256; bytes >= 256; at += 256, bytes -= 256) {
    y0 = foldWide(y0, far, _mm512_loadu_si512(at));
    y1 = foldWide(y1, far, _mm512_loadu_si512(at + 64));
    y2 = foldWide(y2, far, _mm512_loadu_si512(at + 128));
    y3 = foldWide(y3, far, _mm512_loadu_si512(at + 192));
  }
  __m512i y = foldWide(foldWide(foldWide(y0, near, y1), near, y2), near, y3);
  for (; bytes >= 64; at += 64, bytes -= 64) y = foldWide(y, near, _mm512_loadu_si512(at));
  const __m128i step = _mm_set_epi64x(Fold<128>::last, Fold<128>::first);
  __m128i x = fold(_mm512_extracti64x2_epi64(y, 0), step, _mm512_extracti64x2_epi64(y, 1));
  x = fold(x, step, _mm512_extracti64x2_epi64(y, 2));
  x = fold(x, step, _mm512_extracti64x2_epi64(y, 3));
  return finish(x, at, bytes);
}

#endif

struct Variant {
  uint32_t (*extend)(uint32_t crc, const uint8_t* at, size_t bytes);
  const char* name;
};

/** What this processor can run, the fastest first. */
struct Variants {
  Variant list[4];
  size_t count = 0;

  Variants() {
#if defined(__x86_64__)
    const bool hasInstruction = __builtin_cpu_supports("sse4.2");
    const bool hasProduct = hasInstruction && __builtin_cpu_supports("pclmul");
    const bool hasWide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("vpclmulqdq");
    if (hasProduct && hasWide) list[count++] = {extendVpclmul, "vpclmul"};
    if (hasProduct) list[count++] = {extendPclmul, "pclmul"};
    if (hasInstruction) list[count++] = {extendSse42, "sse4.2"};
#endif
    list[count++] = {extendByTable, "table"};
  }
};

const Variants kVariants;

}  // namespace

uint32_t crc32c(Bytes bytes) { return ~kVariants.list[0].extend(~0u, bytes.data(), bytes.size()); }

size_t crc32cVariantCount() { return kVariants.count; }

const char* crc32cVariantName(size_t index) { return kVariants.list[index].name; }

uint32_t crc32cBy(size_t index, Bytes bytes) {
  return ~kVariants.list[index].extend(~0u, bytes.data(), bytes.size());
}

}  // namespace everwrite
