// Bindings of md5, token, crc32c and siphash. They borrow their input for the call and write into
// memory of the caller.
#include "args.h"
#include "crc32c.h"
#include "siphash.h"
#include "token.h"

namespace everwrite {
namespace {

/** md5Into(input, start, length, out, outStart) */
napi_value md5Into(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  Bytes input;
  uint8_t* out = nullptr;
  if (!args.part(0, input) || !args.room(3, kMd5Bytes, out)) return nullptr;
  const Md5Digest digest = md5({input, {}, false});
  std::memcpy(out, digest.words, kMd5Bytes);
  return nullptr;
}

/** md5Batch(input, spans, count, out [, variant]): the last is for tests and benchmarks. */
napi_value md5BatchInto(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  size_t variant = 0;
  Bytes input;
  std::span<uint32_t> spans;
  size_t count = 0;
  std::span<uint8_t> out;
  if (!args.bytes(0, input) || !args.words(1, spans)) return nullptr;
  if (!args.integer(2, spans.size() / 2, count) || !args.bytes(3, out)) return nullptr;
  if (out.size() / kMd5Bytes < count) return args.refuseRange(3), nullptr;
  if (args.isGiven(4) && !args.integer(4, md5VariantCount() - 1, variant)) return nullptr;

  // In groups, so that no memory is allocated.
  constexpr size_t kGroup = 64;
  Md5Message messages[kGroup];
  Md5Digest digests[kGroup];
  for (size_t done = 0; done < count; done += kGroup) {
    const size_t group = count - done < kGroup ? count - done : kGroup;
    for (size_t i = 0; i < group; i++) {
      const size_t start = spans[2 * (done + i)];
      const size_t length = spans[2 * (done + i) + 1];
      if (start > input.size() || length > input.size() - start) {
        return args.refuseRange(1), nullptr;
      }
      messages[i] = {input.subspan(start, length), {}, false};
    }
    md5BatchBy(variant, messages, group, digests);
    std::memcpy(out.data() + done * kMd5Bytes, digests, group * kMd5Bytes);
  }
  return nullptr;
}

/** tokenInto(bucket, key, out): writes hi and lo. */
napi_value tokenInto(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Bytes bucket;
  Bytes key;
  std::span<uint32_t> out;
  if (!args.bytes(0, bucket) || !args.bytes(1, key) || !args.words(2, out)) return nullptr;
  if (bucket.size() > kBucketBytesMax) return args.refuseRange(0), nullptr;
  if (out.size() < 2) return args.refuseRange(2), nullptr;
  const Token token = tokenOf(bucket, key);
  out[0] = token.hi;
  out[1] = token.lo;
  return nullptr;
}

/** token(bucket, key): writes hi and lo into tokenWords. */
napi_value tokenOfKey(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  Bytes bucket;
  Bytes key;
  if (!args.bytes(0, bucket) || !args.bytes(1, key)) return nullptr;
  if (bucket.size() > kBucketBytesMax) return args.refuseRange(0), nullptr;
  *static_cast<Token*>(args.data()) = tokenOf(bucket, key);
  return nullptr;
}

/**
 * Exports `token` and `tokenWords`, a Uint32Array over eight bytes of this environment: an answer
 * laid where JavaScript reads it saves a fifth of the call. The eight bytes are never freed, so
 * that nothing which JavaScript may do to the array (give it to another thread, detach it) leaves
 * `token` with memory that is someone else's.
 */
void giveToken(Napi::Env env, Napi::Object exports) {
  Token* token = new Token{0, 0};
  napi_value buffer = nullptr;
  napi_value words = nullptr;
  const auto keep = [](napi_env, void*, void*) {};
  napi_create_external_arraybuffer(env, token, sizeof *token, keep, nullptr, &buffer);
  napi_create_typedarray(env, napi_uint32_array, 2, buffer, 0, &words);
  napi_set_named_property(env, exports, "tokenWords", words);
  give(env, exports, "token", tokenOfKey, token);
}

/** crc32c(bytes, start, length) */
napi_value crc32cOf(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Bytes bytes;
  if (!args.part(0, bytes)) return nullptr;
  return number(env, crc32c(bytes));
}

/** crc32cBy(variant, bytes, start, length): for tests and benchmarks. */
napi_value crc32cByVariant(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  size_t variant = 0;
  Bytes bytes;
  if (!args.integer(0, crc32cVariantCount() - 1, variant) || !args.part(1, bytes)) return nullptr;
  return number(env, crc32cBy(variant, bytes));
}

/** The names of the variants of crc32c and the lanes of those of md5Batch, the fastest first. */
void giveVariants(Napi::Env env, Napi::Object exports) {
  const Napi::Array names = Napi::Array::New(env);
  for (uint32_t i = 0; i < crc32cVariantCount(); i++) {
    names.Set(i, Napi::String::New(env, crc32cVariantName(i)));
  }
  exports.Set("crc32cVariants", names);
  const Napi::Array lanes = Napi::Array::New(env);
  for (uint32_t i = 0; i < md5VariantCount(); i++) {
    lanes.Set(i, Napi::Number::New(env, static_cast<double>(md5VariantLanes(i))));
  }
  exports.Set("md5Lanes", lanes);
}

/** Reads the key of a SipHash: 16 bytes, no more and no fewer. */
template <size_t Count>
bool sipHashKey(Args<Count>& args, Bytes& key) {
  if (!args.bytes(0, key)) return false;
  return key.size() == kSipHashKeyBytes || args.refuseRange(0);
}

/** sipHash64Into(key, bytes, start, length, out): writes the high half and the low. */
napi_value sipHash64Into(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  Bytes key;
  Bytes bytes;
  std::span<uint32_t> out;
  if (!sipHashKey(args, key) || !args.part(1, bytes) || !args.words(4, out)) return nullptr;
  if (out.size() < 2) return args.refuseRange(4), nullptr;
  const uint64_t digest = sipHash64(key.data(), bytes);
  out[0] = static_cast<uint32_t>(digest >> 32);
  out[1] = static_cast<uint32_t>(digest);
  return nullptr;
}

/** sipHash128Into(key, bytes, start, length, out, outStart) */
napi_value sipHash128Into(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  Bytes key;
  Bytes bytes;
  uint8_t* out = nullptr;
  if (!sipHashKey(args, key) || !args.part(1, bytes) || !args.room(4, 16, out)) return nullptr;
  sipHash128(key.data(), bytes, out);
  return nullptr;
}

}  // namespace

void bindDigest(Napi::Env env, Napi::Object exports) {
  give(env, exports, "md5Into", md5Into);
  give(env, exports, "md5Batch", md5BatchInto);
  give(env, exports, "tokenInto", tokenInto);
  giveToken(env, exports);
  give(env, exports, "crc32c", crc32cOf);
  give(env, exports, "crc32cBy", crc32cByVariant);
  giveVariants(env, exports);
  give(env, exports, "sipHash64Into", sipHash64Into);
  give(env, exports, "sipHash128Into", sipHash128Into);
}

}  // namespace everwrite
