// Tokens: the first two words of the MD5 digest, as big-endian numbers.
#include "token.h"

namespace everwrite {
namespace {

Token tokenIn(const Md5Digest& digest) {
  return {__builtin_bswap32(digest.words[0]), __builtin_bswap32(digest.words[1])};
}

}  // namespace

Token tokenOf(Bytes bucket, Bytes key) { return tokenIn(md5({bucket, key, true})); }

void TokenBatch::flush() {
  if (count_ == 0) return;
  Md5Digest digests[kCapacity];
  md5Batch(messages_, count_, digests);
  for (size_t i = 0; i < count_; i++) {
    const Token token = tokenIn(digests[i]);
    words_[i][0] = token.hi;
    words_[i][1] = token.lo;
  }
  count_ = 0;
}

}  // namespace everwrite
