// MD5, for places on the ring (Dynamo 4.2): one message, or many side by side.
//
// MD5 is a chain: each of its 64 steps waits for the one before, so a processor that could do four
// things at once does one. Many messages have no such bond. Lay message 0 in lane 0 of a vector
// register, message 1 in lane 1, and the same 64 steps digest 4, 8 or 16 messages at the price of
// about one. Lanes are refilled as their messages end, so lengths may differ.
//
// MD5 is broken as a lock and fine as a die: here it only spreads keys over the ring. What must
// withstand an adversary uses SipHash with a secret key. Source: RFC 1321.
#ifndef EVERWRITE_MD5_H_
#define EVERWRITE_MD5_H_

#include "bytes.h"

namespace everwrite {

inline constexpr size_t kMd5Bytes = 16;

/**
 * What is digested: [u16le(first.size()) if hasLength] ‖ first ‖ second.
 *
 * Pieces, so that a bucket and a key that lie apart in a frame need not be brought together first.
 * Requires: first.size() < 2^16 if hasLength.
 */
struct Md5Message {
  Bytes first;
  Bytes second;
  bool hasLength = false;

  uint64_t bytes() const { return (hasLength ? 2 : 0) + first.size() + second.size(); }
};

/** The four words of the state; stored little-endian, in order, they are the digest. */
struct Md5Digest {
  uint32_t words[4];
};

/** One message. */
Md5Digest md5(const Md5Message& message);

/** `count` messages over the widest lanes this processor has; digests[i] is of messages[i]. */
void md5Batch(const Md5Message* messages, size_t count, Md5Digest* digests);

// The variants that this processor can run, the widest, which md5Batch uses, first. For tests and
// benchmarks: a machine must not run what no test has run.
size_t md5VariantCount();
size_t md5VariantLanes(size_t index);
void md5BatchBy(size_t index, const Md5Message* messages, size_t count, Md5Digest* digests);

}  // namespace everwrite

#endif  // EVERWRITE_MD5_H_
