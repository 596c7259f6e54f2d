"""Protobuf (proto3) by hand: reads the schemas from the .proto files, encodes and decodes messages.

A message is a dict of its fields by name; an absent field is not in the dict. Decoding skips
unknown fields and joins repeated ones.
"""

import pathlib
import re
import struct

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
SCALARS = {
    "uint32": VARINT,
    "bool": VARINT,
    "double": FIXED64,
    "fixed32": FIXED32,
    "bytes": BYTES,
    "string": BYTES,
}
FIELD = re.compile(r"(repeated )?(\w+) (\w+) = (\d+);")
BLOCK = re.compile(r"(message|enum) (\w+) \{(.*?)\}", re.S)


class Schemas:
    """The messages of a folder of .proto files: {message: {number: (name, type, is_repeated)}}."""

    def __init__(self, folder):
        self.messages = {}
        self.enums = set()
        for path in sorted(pathlib.Path(folder).glob("*.proto")):
            text = re.sub(r"//.*", "", path.read_text())
            for kind, name, body in BLOCK.findall(text):
                if kind == "enum":
                    self.enums.add(name)
                    continue
                self.messages[name] = {
                    int(number): (field, of, bool(repeated))
                    for repeated, of, field, number in FIELD.findall(body)
                }

    def wire_type(self, of):
        """The wire type of a field of this type."""
        return VARINT if of in self.enums else SCALARS.get(of, BYTES)

    def encode(self, message, fields):
        """The bytes of a message; the fields are in the order of their numbers."""
        out = bytearray()
        known = set()
        for number, (name, of, is_repeated) in sorted(self.messages[message].items()):
            known.add(name)
            if name not in fields:
                continue
            for value in fields[name] if is_repeated else [fields[name]]:
                out += field_bytes(number, self.wire_type(of), self._raw(of, value))
        unknown = set(fields) - known
        if unknown:
            raise ValueError(f"{message} has no field {sorted(unknown)}")
        return bytes(out)

    def decode(self, message, data):
        """The fields of a message. Raises ValueError if the bytes are not one."""
        schema = self.messages[message]
        fields = {name: [] for name, _, is_repeated in schema.values() if is_repeated}
        for number, wire, value in split_fields(data):
            if number not in schema:
                continue
            name, of, is_repeated = schema[number]
            if is_repeated and wire == BYTES and self.wire_type(of) == VARINT:
                fields[name] += unpack(value)
                continue
            if wire != self.wire_type(of):
                raise ValueError(f"{message}.{name} has wire type {wire}")
            if is_repeated:
                fields[name].append(self._value(of, value))
            else:
                fields[name] = self._value(of, value)
        return fields

    def _raw(self, of, value):
        if of in self.messages:
            return self.encode(of, value)
        if of == "string":
            return value.encode()
        if of == "double":
            return struct.pack("<d", value)
        return value

    def _value(self, of, raw):
        if of in self.messages:
            return self.decode(of, raw)
        if of == "string":
            return raw.decode()
        if of == "double":
            return struct.unpack("<d", raw)[0]
        if of == "fixed32":
            return struct.unpack("<I", raw)[0]
        return bool(raw) if of == "bool" else raw


def varint(number):
    """A number as a varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field_bytes(number, wire, value):
    """One field: its tag and its value. A fixed64 comes as 8 bytes."""
    tag = varint(number << 3 | wire)
    if wire == VARINT:
        return tag + varint(int(value))
    if wire == FIXED32:
        return tag + struct.pack("<I", value)
    if wire == FIXED64:
        return tag + value
    return tag + varint(len(value)) + value


def split_fields(data):
    """Yields (number, wire type, value) of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        wire = tag & 7
        if wire == VARINT:
            value, at = read_varint(data, at)
        elif wire in (FIXED32, FIXED64, BYTES):
            if wire == BYTES:
                size, at = read_varint(data, at)
            else:
                size = 4 if wire == FIXED32 else 8
            if at + size > len(data):
                raise ValueError("a field goes past the end of its message")
            value = data[at : at + size]
            at += size
        else:
            raise ValueError(f"unknown wire type {wire}")
        yield tag >> 3, wire, value


def unpack(data):
    """The numbers of a packed repeated field."""
    numbers, at = [], 0
    while at < len(data):
        number, at = read_varint(data, at)
        numbers.append(number)
    return numbers


def read_varint(data, at):
    """The varint at an offset, and the offset after it."""
    number = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a varint does not end")
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return number, at
