// Frames: the unit of bytes between a client and a node, and between nodes. (protocol/README.md.)
//
//    0  2  magic 'EW'             12  4  body bytes
//    2  1  format, 1              16  4  CRC-32C of bytes 0..15
//    3  1  kind                   20  n  body, one protobuf message
//    4  2  flags                  20+n  4  CRC-32C of the body
//    6  2  zero
//    8  4  call id                all integers little-endian
//
// The header has its own checksum, so a receiver knows that the length is right before it waits for
// that many bytes or allocates them. A scan takes a chunk as the network gave it and finds all
// whole frames in it, verified: one call from JavaScript for many frames.
//
// These numbers are on the wire. Append only; never reuse.
#ifndef EVERWRITE_FRAME_H_
#define EVERWRITE_FRAME_H_

#include "bytes.h"

namespace everwrite {

inline constexpr uint32_t kFrameHeaderBytes = 20;
inline constexpr uint32_t kFrameTrailerBytes = 4;
inline constexpr uint32_t kFrameOverheadBytes = kFrameHeaderBytes + kFrameTrailerBytes;

/** Words a frame: kind, flags, call id, body start, body bytes, token hi, token lo, has token. */
inline constexpr size_t kFrameWords = 8;

/** What is wrong with a stream. After a fault it cannot be trusted again: the connection ends. */
enum class FrameFault : uint32_t {
  none = 0,
  magic = 1,
  format = 2,
  headerChecksum = 3,
  bodyTooLong = 4,
  bodyChecksum = 5,
  reservedBits = 6,
};

struct FrameScan {
  /** Whole frames described. */
  uint32_t count = 0;
  /** Bytes they take, from the start of the scan. */
  uint32_t consumed = 0;
  /** All bytes of the frame after them, where its header is true and its end not there; else 0. */
  uint32_t needed = 0;
  /** Why the scan ended early; the frames before it are good. */
  FrameFault fault = FrameFault::none;
};

/**
 * Cuts bytes [start, end) of `chunk`, and describes each frame in kFrameWords of `words`, body
 * starts counted from the start of `chunk`. Ends at the room in `words`, the end, or a fault.
 *
 * Kinds 32..47 are about one key: their body begins with bucket (field 1) and key (field 2), and
 * gets a token. It gets none where either is absent or empty, or comes again later in the body,
 * where a protobuf reader would believe the later one.
 *
 * Requires: start <= end <= chunk.size() < 2^32, bodyBytesMax <= 2^32 - 1 - kFrameOverheadBytes.
 */
FrameScan scanFrames(Bytes chunk, size_t start, size_t end, uint32_t bodyBytesMax,
                     std::span<uint32_t> words);

struct FrameHead {
  uint8_t kind;
  uint16_t flags;
  uint32_t callId;
  uint32_t bodyBytes;
};

/**
 * Makes a frame of a body that is in place already, at frame + kFrameHeaderBytes: writes the
 * header before it and the checksum behind it.
 *
 * Requires: kFrameOverheadBytes + head.bodyBytes at `frame`.
 */
void writeFrame(uint8_t* frame, const FrameHead& head);

}  // namespace everwrite

#endif  // EVERWRITE_FRAME_H_
