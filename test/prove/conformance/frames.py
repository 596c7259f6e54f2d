"""Frames: a header of 20 bytes, the body, and two checksums CRC-32C."""

import struct

MAGIC = b"EW"
FORMAT = 1
MORE = 1
HEADER_BYTES = 20
BODY_BYTES_MAX = 65536
POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected


def _tables():
    first = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        first.append(value)
    tables = [first]
    for _ in range(7):
        tables.append([value >> 8 ^ first[value & 0xFF] for value in tables[-1]])
    return tables


TABLES = _tables()


def crc32c(data):
    """The checksum of the bytes: eight at a time, then one at a time."""
    t0, t1, t2, t3, t4, t5, t6, t7 = TABLES
    value = 0xFFFFFFFF
    whole = len(data) // 8
    for low, high in struct.iter_unpack("<II", data[: whole * 8]):
        low ^= value
        value = (
            t7[low & 255]
            ^ t6[low >> 8 & 255]
            ^ t5[low >> 16 & 255]
            ^ t4[low >> 24]
            ^ t3[high & 255]
            ^ t2[high >> 8 & 255]
            ^ t1[high >> 16 & 255]
            ^ t0[high >> 24]
        )
    for byte in data[whole * 8 :]:
        value = value >> 8 ^ t0[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def header_bytes(kind, call, length, flags=0, magic=MAGIC, format_=FORMAT, reserved=0):
    """A header with its checksum; every field of it may be given wrong."""
    head = magic + struct.pack("<BBHHII", format_, kind, flags, reserved, call, length)
    return head + struct.pack("<I", crc32c(head))


def frame_bytes(kind, call, body, flags=0, **header):
    """A whole frame."""
    checksum = crc32c(body) if body else 0
    head = header_bytes(kind, call, len(body), flags, **header)
    return head + body + struct.pack("<I", checksum)


class Frame:
    """One frame as it was received."""

    def __init__(self, kind, flags, call, body):
        self.kind, self.flags, self.call, self.body = kind, flags, call, body


def read_header(head):
    """(kind, flags, call, length) of a header. Raises ValueError if it breaks a rule."""
    magic, format_, kind, flags, reserved, call, length = struct.unpack("<2sBBHHII", head[:16])
    if magic != MAGIC or format_ != FORMAT:
        raise ValueError("a frame has the wrong magic or format")
    if struct.unpack("<I", head[16:])[0] != crc32c(head[:16]):
        raise ValueError("the checksum of a header is wrong")
    if reserved != 0 or flags & ~MORE:
        raise ValueError("a frame sets reserved bits")
    if length > BODY_BYTES_MAX:
        raise ValueError("a frame is too long")
    return kind, flags, call, length
