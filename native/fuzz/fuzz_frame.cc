// The fuzz target of the frame decoder: any bytes may arrive on a connection.
//
// Each input is scanned twice: as it is, and with its checksums made right. libFuzzer does not find
// a checksum by chance, and without the second scan no input would reach the code behind them.
#include <cstdlib>
#include <vector>

#include "../crc32c.h"
#include "../frame.h"

using namespace everwrite;

namespace {

constexpr uint32_t kBodyBytesMax = 1 << 20;
constexpr size_t kFramesMax = 16;

void mendChecksums(std::vector<uint8_t>& bytes) {
  size_t at = 0;
  while (bytes.size() - at >= kFrameOverheadBytes) {
    uint8_t* header = bytes.data() + at;
    store<uint32_t>(header + 16, crc32c({header, 16}));
    const uint32_t bodyBytes = load<uint32_t>(header + 12);
    if (bodyBytes > bytes.size() - at - kFrameOverheadBytes) return;
    uint8_t* body = header + kFrameHeaderBytes;
    store<uint32_t>(body + bodyBytes, crc32c({body, bodyBytes}));
    at += kFrameOverheadBytes + bodyBytes;
  }
}

void scan(const std::vector<uint8_t>& bytes) {
  std::vector<uint32_t> words(kFramesMax * kFrameWords);
  const FrameScan found = scanFrames(bytes, 0, bytes.size(), kBodyBytesMax, words);
  if (found.consumed > bytes.size() || found.count > kFramesMax) std::abort();
  size_t end = 0;
  for (uint32_t i = 0; i < found.count; i++) {
    const uint32_t* frame = words.data() + i * kFrameWords;
    if (frame[3] != end + kFrameHeaderBytes) std::abort();
    end = size_t{frame[3]} + frame[4] + kFrameTrailerBytes;
  }
  if (end != found.consumed) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  scan(bytes);
  mendChecksums(bytes);
  scan(bytes);
  return 0;
}
