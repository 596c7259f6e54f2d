// Tokens: a key's place on the ring.
//
// token = first 64 bits, read big-endian, of MD5(u16le(bucket bytes) ‖ bucket ‖ key). The length in
// front distinguishes ("a", "bc") from ("ab", "c"). Big-endian, so that tokens are ordered as
// digests are, and the top bits of `hi` are the partition. (Dynamo 4.2.)
//
// These numbers are in files and on the wire. They never change.
#ifndef EVERWRITE_TOKEN_H_
#define EVERWRITE_TOKEN_H_

#include "md5.h"

namespace everwrite {

inline constexpr size_t kBucketBytesMax = 0xffff;

struct Token {
  uint32_t hi;
  uint32_t lo;
};

/** Requires: bucket.size() <= kBucketBytesMax. Borrows both until the call ends. */
Token tokenOf(Bytes bucket, Bytes key);

/**
 * Tokens wanted by a scan, gathered until there are enough to fill the lanes.
 *
 * `add` remembers where a token shall be written (hi, then lo); `flush` writes all that wait.
 * Invariant: every pointer given stays valid until flush; the owner flushes before it returns.
 */
class TokenBatch {
 public:
  TokenBatch() {}

  /** Requires: bucket.size() <= kBucketBytesMax. */
  void add(Bytes bucket, Bytes key, uint32_t* words) {
    messages_[count_] = {bucket, key, true};
    words_[count_] = words;
    count_ += 1;
    if (count_ == kCapacity) flush();
  }

  void flush();

 private:
  static constexpr size_t kCapacity = 64;
  size_t count_ = 0;
  uint32_t* words_[kCapacity];
  // In a union, so that they are not initialised: a scan of one frame must not pay for 64 messages.
  union {
    Md5Message messages_[kCapacity];
  };
};

}  // namespace everwrite

#endif  // EVERWRITE_TOKEN_H_
