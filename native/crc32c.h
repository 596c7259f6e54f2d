// CRC-32C: the checksum of frames and records.
//
// The Castagnoli polynomial, reflected, start and end inverted: what iSCSI (RFC 3720, B.4), ext4
// and LevelDB use, and what processors compute. It finds accidents, not forgers.
#ifndef EVERWRITE_CRC32C_H_
#define EVERWRITE_CRC32C_H_

#include "bytes.h"

namespace everwrite {

uint32_t crc32c(Bytes bytes);

/** The name of the variant chosen on this processor: for benchmarks and tests. */
const char* crc32cVariant();

}  // namespace everwrite

#endif  // EVERWRITE_CRC32C_H_
