// CRC-32C: the checksum of frames and records.
//
// The Castagnoli polynomial, reflected, start and end inverted: what iSCSI (RFC 3720, B.4), ext4
// and LevelDB use, and what processors compute. It detects accidents, not forgery.
#ifndef EVERWRITE_CRC32C_H_
#define EVERWRITE_CRC32C_H_

#include "bytes.h"

namespace everwrite {

uint32_t crc32c(Bytes bytes);

// The variants that this processor can run, the fastest first: crc32c uses that one. Exported so
// that tests and benchmarks run every variant.
size_t crc32cVariantCount();
const char* crc32cVariantName(size_t index);
uint32_t crc32cBy(size_t index, Bytes bytes);

}  // namespace everwrite

#endif  // EVERWRITE_CRC32C_H_
