// CRC-32C: the checksum of frames and records.
//
// The Castagnoli polynomial, reflected, start and end inverted: what iSCSI (RFC 3720, B.4), ext4
// and LevelDB use, and what processors compute. It finds accidents, not forgers.
#ifndef EVERWRITE_CRC32C_H_
#define EVERWRITE_CRC32C_H_

#include "bytes.h"

namespace everwrite {

uint32_t crc32c(Bytes bytes);

// The variants that this processor can run, the fastest, which crc32c uses, first. For tests and
// benchmarks: a machine must not run what no test has run.
size_t crc32cVariantCount();
const char* crc32cVariantName(size_t index);
uint32_t crc32cBy(size_t index, Bytes bytes);

}  // namespace everwrite

#endif  // EVERWRITE_CRC32C_H_
