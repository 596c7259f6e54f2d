// Binding of merkle: a JavaScript class whose object owns one tree.
#include "merkle.h"
#include "owned.h"

namespace everwrite {
namespace {

constexpr ClassName kClass{"MerkleTree", {0x30ef1b58fa138068, 0xfea20afdc89aabff}};
using Tree = Owned<MerkleTree>;

Tree* treeOf(napi_env env, napi_value self) { return ownedBy<MerkleTree>(env, self, kClass); }

/** new MerkleTree(key) */
napi_value construct(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Bytes key;
  if (!isNew(env, info, kClass) || !args.bytes(0, key)) return nullptr;
  if (key.size() != kSipHashKeyBytes) return args.refuseRange(0), nullptr;
  return own<MerkleTree>(env, args.self(), kClass, key.data());
}

/** Reads token and digest. */
template <size_t Count>
bool entry(Args<Count>& args, MerkleEntry& out) {
  return args.pair(0, out.token) && args.pair(2, out.digest);
}

/** Reads bits, at most `bitsMax`, and a prefix of as many. */
template <size_t Count>
bool prefix(Args<Count>& args, uint32_t bitsMax, uint32_t& bits, uint32_t& out) {
  return args.integer(0, bitsMax, bits) && args.integer(1, (uint64_t{1} << bits) - 1, out);
}

/** The end of a change: throws if there was no memory for it. */
napi_value changed(napi_env env, Tree& tree, bool isChanged) {
  if (!isChanged) napi_throw_error(env, "ERR_OUT_OF_MEMORY", "no memory for the Merkle tree");
  report(env, tree);
  return nullptr;
}

/** add(tokenHi, tokenLo, digestHi, digestLo) */
napi_value add(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Tree* owned = treeOf(env, args.self());
  MerkleEntry added;
  if (owned == nullptr || !entry(args, added)) return nullptr;
  return changed(env, *owned, owned->native.add(added));
}

/** remove(tokenHi, tokenLo, digestHi, digestLo) */
napi_value remove(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Tree* owned = treeOf(env, args.self());
  MerkleEntry removed;
  if (owned == nullptr || !entry(args, removed)) return nullptr;
  return changed(env, *owned, owned->native.remove(removed));
}

/** replace(tokenHi, tokenLo, oldHi, oldLo, newHi, newLo) */
napi_value replace(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  Tree* owned = treeOf(env, args.self());
  MerkleEntry old;
  uint64_t newDigest = 0;
  if (owned == nullptr || !entry(args, old) || !args.pair(4, newDigest)) return nullptr;
  return changed(env, *owned, owned->native.replace(old, newDigest));
}

/** addAll(words, count) */
napi_value addAll(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  Tree* owned = treeOf(env, args.self());
  std::span<uint32_t> words;
  size_t count = 0;
  if (owned == nullptr || !args.words(0, words)) return nullptr;
  if (!args.integer(1, words.size() / kMerkleEntryWords, count)) return nullptr;
  return changed(env, *owned, owned->native.addAll(words.first(count * kMerkleEntryWords)));
}

void write(uint64_t sum, uint32_t* out) {
  out[0] = static_cast<uint32_t>(sum >> 32);
  out[1] = static_cast<uint32_t>(sum);
}

/** sum(bits, prefix, out) */
napi_value sum(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Tree* owned = treeOf(env, args.self());
  uint32_t bits = 0;
  uint32_t of = 0;
  std::span<uint32_t> out;
  if (owned == nullptr || !prefix(args, kMerkleLeafBits, bits, of)) return nullptr;
  if (!args.words(2, out)) return nullptr;
  if (out.size() < 2) return args.refuseRange(2), nullptr;
  write(owned->native.sum(bits, of), out.data());
  return nullptr;
}

/** sumsBelow(bits, prefix, out) */
napi_value sumsBelow(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Tree* owned = treeOf(env, args.self());
  uint32_t bits = 0;
  uint32_t of = 0;
  std::span<uint32_t> out;
  if (owned == nullptr) return nullptr;
  if (!prefix(args, kMerkleLeafBits - kMerkleChildBits, bits, of)) return nullptr;
  if (!args.words(2, out)) return nullptr;
  if (out.size() < 2 * kMerkleChildren) return args.refuseRange(2), nullptr;
  const auto sums = owned->native.sumsBelow(bits, of);
  for (size_t i = 0; i < sums.size(); i++) write(sums[i], out.data() + 2 * i);
  return nullptr;
}

/** clearPrefix(bits, prefix) */
napi_value clearPrefix(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  Tree* owned = treeOf(env, args.self());
  uint32_t bits = 0;
  uint32_t of = 0;
  if (owned == nullptr || !prefix(args, kMerkleLeafBits, bits, of)) return nullptr;
  owned->native.clearPrefix(bits, of);
  report(env, *owned);
  return nullptr;
}

/** clear() */
napi_value clear(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Tree* owned = treeOf(env, args.self());
  if (owned == nullptr) return nullptr;
  owned->native.clear();
  report(env, *owned);
  return nullptr;
}

}  // namespace

void bindMerkle(Napi::Env env, Napi::Object exports) {
  const napi_property_descriptor properties[] = {
      method("add", add),
      method("remove", remove),
      method("replace", replace),
      method("addAll", addAll),
      method("sum", sum),
      method("sumsBelow", sumsBelow),
      method("clearPrefix", clearPrefix),
      method("clear", clear),
      getter("bytes", countOf<MerkleTree, kClass, &MerkleTree::bytes>),
  };
  giveClass(env, exports, kClass, construct, properties);
  give(env, exports, "merkleLeafBits", kMerkleLeafBits);
  give(env, exports, "merkleChildren", kMerkleChildren);
  give(env, exports, "merkleEntryWords", kMerkleEntryWords);
}

}  // namespace everwrite
