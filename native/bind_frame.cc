// Bindings of frame: scan a chunk for frames, and write the header and checksum of a frame.
#include "args.h"
#include "frame.h"

namespace everwrite {
namespace {

/** Words behind the room for frames: count, consumed, needed, fault. */
constexpr size_t kSummaryWords = 4;

/** scanFrames(chunk, start, end, bodyBytesMax, out) */
napi_value scanFramesInto(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  Bytes chunk;
  size_t start = 0;
  size_t end = 0;
  uint32_t bodyBytesMax = 0;
  std::span<uint32_t> out;
  if (!args.bytes(0, chunk)) return nullptr;
  // Positions are given as 32-bit words.
  if (chunk.size() > 0xffffffff) return args.refuseRange(0), nullptr;
  if (!args.integer(2, chunk.size(), end) || !args.integer(1, end, start)) return nullptr;
  if (!args.integer(3, 0xffffffff - kFrameOverheadBytes, bodyBytesMax)) return nullptr;
  if (!args.words(4, out)) return nullptr;
  if (out.size() < kFrameWords + kSummaryWords) return args.refuseRange(4), nullptr;

  const std::span<uint32_t> words = out.first(out.size() - kSummaryWords);
  const FrameScan scan = scanFrames(chunk, start, end, bodyBytesMax, words);
  uint32_t* summary = out.data() + words.size();
  summary[0] = scan.count;
  summary[1] = scan.consumed;
  summary[2] = scan.needed;
  summary[3] = static_cast<uint32_t>(scan.fault);
  return number(env, scan.count);
}

/** writeFrame(out, at, kind, flags, callId, bodyLength) */
napi_value writeFrameAt(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  FrameHead head;
  uint8_t* frame = nullptr;
  if (!args.integer(2, 0xff, head.kind) || !args.integer(3, 0xffff, head.flags)) return nullptr;
  if (!args.word(4, head.callId)) return nullptr;
  if (!args.integer(5, 0xffffffff - kFrameOverheadBytes, head.bodyBytes)) return nullptr;
  if (!args.room(0, uint64_t{kFrameOverheadBytes} + head.bodyBytes, frame)) return nullptr;
  writeFrame(frame, head);
  return nullptr;
}

}  // namespace

void bindFrame(Napi::Env env, Napi::Object exports) {
  give(env, exports, "frameHeaderBytes", kFrameHeaderBytes);
  give(env, exports, "frameTrailerBytes", kFrameTrailerBytes);
  give(env, exports, "frameWords", kFrameWords);
  give(env, exports, "scanFrames", scanFramesInto);
  give(env, exports, "writeFrame", writeFrameAt);
}

}  // namespace everwrite
