// MD5, for places on the ring (Dynamo 4.2): one message, or many side by side.
//
// Each of MD5's 64 steps depends on the one before, so one message uses a fraction of a processor.
// Different messages do not depend on each other: with message 0 in lane 0 of a vector register,
// message 1 in lane 1 and so on, the same 64 steps digest 4, 8 or 16 messages in about the time of
// one. A lane takes the next message when its own ends, so lengths may differ.
//
// MD5 is not collision-resistant; here only an even spread of keys over the ring matters. Digests
// that must withstand an adversary use SipHash with a secret key. Source: RFC 1321.
#ifndef EVERWRITE_MD5_H_
#define EVERWRITE_MD5_H_

#include "bytes.h"

namespace everwrite {

inline constexpr size_t kMd5Bytes = 16;

/**
 * A message: [u16le(first.size()) if hasLength] ‖ first ‖ second.
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

// The variants that this processor can run, the widest first: md5Batch uses that one. Exported so
// that tests and benchmarks run every variant.
size_t md5VariantCount();
size_t md5VariantLanes(size_t index);
void md5BatchBy(size_t index, const Md5Message* messages, size_t count, Md5Digest* digests);

}  // namespace everwrite

#endif  // EVERWRITE_MD5_H_
