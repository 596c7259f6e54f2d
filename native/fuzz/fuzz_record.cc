// The fuzz target of the record decoder: any bytes may stand in a file after a crash or rot.
//
// Each input is read twice: as it is, and with its places and checksums made right. libFuzzer does
// not find a checksum by chance, and without the second reading no input would reach the code
// behind them.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "../crc32c.h"
#include "../record.h"

using namespace everwrite;

namespace {

constexpr uint32_t kSegment = 7;
constexpr size_t kRecordsMax = 16;

void mendChecksums(std::vector<uint8_t>& bytes) {
  size_t at = 0;
  while (bytes.size() - at >= kRecordHeaderBytes) {
    uint8_t* record = bytes.data() + at;
    store<uint32_t>(record + 16, kSegment);
    store<uint32_t>(record + 20, static_cast<uint32_t>(at));
    const uint64_t contents = uint64_t{load<uint16_t>(record + 6)} + load<uint16_t>(record + 8) +
                              load<uint16_t>(record + 10) + load<uint32_t>(record + 12);
    const uint64_t left = bytes.size() - at - kRecordHeaderBytes;
    const uint64_t prefixEnd = contents - load<uint32_t>(record + 12) + load<uint32_t>(record + 44);
    const Bytes covered(record + kRecordHeaderBytes, std::min(contents, left));
    const size_t split = std::min<size_t>(prefixEnd, covered.size());
    const size_t names = std::min<size_t>(contents - load<uint32_t>(record + 12), split);
    store<uint32_t>(record + 76, crc32c(covered.first(names)));
    store<uint32_t>(record + 80, crc32c(covered.subspan(names, split - names)));
    store<uint32_t>(record + 84, crc32c(covered.subspan(split)));
    store<uint32_t>(record + 88, crc32c({record, 88}));
    const uint64_t total = (kRecordHeaderBytes + contents + 7) & ~uint64_t{7};
    if (total > bytes.size() - at) return;
    at += total;
  }
}

void read(const std::vector<uint8_t>& bytes) {
  RecordHead head;
  const RecordStatus status = verifyRecord(bytes, kSegment, 0, head);
  if (status == RecordStatus::ok && head.totalBytes() > bytes.size()) std::abort();

  std::vector<uint32_t> words(kRecordsMax * kRecordScanWords);
  const RecordScan found = scanRecords(bytes, 0, bytes.size(), kSegment, 0, words);
  if (found.consumed > bytes.size() || found.count > kRecordsMax) std::abort();
  size_t end = 0;
  for (uint32_t i = 0; i < found.count; i++) {
    const uint32_t* record = words.data() + i * kRecordScanWords;
    if (record[1] != end) std::abort();
    end += record[2];
  }
  if (end != found.consumed) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  read(bytes);
  mendChecksums(bytes);
  read(bytes);
  return 0;
}
