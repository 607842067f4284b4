/** Which slot of a Redis Cluster a key or a sharded channel is in. */

const encoder = new TextEncoder();

/** CRC16 of each byte, as the cluster specification has it (XMODEM: polynomial 0x1021). */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
  return crc;
});

/**
 * The slot of a name: of what stands in its first braces, if anything does.
 *
 * Source: the Redis Cluster specification, "Hash tags".
 */
export function slotOf(name: string): number {
  const open = name.indexOf("{");
  const close = open === -1 ? -1 : name.indexOf("}", open + 1);
  const tag = close > open + 1 ? name.slice(open + 1, close) : name;
  let crc = 0;
  for (const byte of encoder.encode(tag)) crc = crc << 8 & 0xffff ^ table[crc >> 8 ^ byte];
  return crc % 16_384;
}
