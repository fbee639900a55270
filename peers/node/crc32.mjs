// CRC-32 (ISO-HDLC). Node's own zlib.crc32 came with 20.15 and 22.2; this runs on any.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value >>> 0;
});

/** The checksum of a text's UTF-8 bytes, as an unsigned number. */
export function crc32(text) {
  let value = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  }
  return (value ^ 0xffffffff) >>> 0;
}
