import { crc32, deflateSync } from "node:zlib";

/** A ZIP with a folder per class and `perClass` pictures in each, the same bytes for the same seed. Classes differ in colour and stripes. */
export function pictureZip({ classes, perClass, side, seed }: { classes: readonly string[]; perClass: number; side: number; seed: number }): Buffer {
  const random = randomFrom(seed);
  return zip(classes.flatMap((name, index) => Array.from({ length: perClass }, (_, n) => ({ name: `${name}/${n}.png`, bytes: png(side, picture(side, index, random)) }))));
}

function picture(side: number, index: number, random: () => number): Buffer {
  const pixels = Buffer.alloc(side * side * 3);
  const period = 4 + index * 3 + Math.floor(random() * 3);
  const tint = [random() * 120, random() * 120, random() * 120];
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const stripe = (index % 2 === 0 ? x : y) % period < period / 2 ? 90 : 0;
      for (let channel = 0; channel < 3; channel += 1) pixels[(y * side + x) * 3 + channel] = Math.min(255, (tint[channel] ?? 0) + stripe + random() * 40);
    }
  }
  return pixels;
}

/** Numerical Recipes' linear congruential generator: 0 to 1. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** PNG (RFC 2083): 8 bits, RGB, no filter. */
function png(side: number, pixels: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Array.from({ length: side }, (_, y) => Buffer.concat([Buffer.of(0), pixels.subarray(y * side * 3, (y + 1) * side * 3)]));
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.concat(rows))), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([uint32be(data.byteLength), body, uint32be(crc32(body))]);
}

function uint32be(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** ZIP (APPNOTE 6.3), stored without compression. */
function zip(entries: readonly { name: string; bytes: Buffer }[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt32LE(crc32(bytes), 10);
    facts.writeUInt32LE(bytes.byteLength, 14);
    facts.writeUInt32LE(bytes.byteLength, 18);
    facts.writeUInt16LE(name.length, 22);
    const record = Buffer.concat([Buffer.from("PK\u0003\u0004", "latin1"), facts, Buffer.from(name, "latin1"), bytes]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from("PK\u0001\u0002", "latin1"), Buffer.of(20, 0), facts, place, Buffer.from(name, "latin1")]));
    local.push(record);
    offset += record.byteLength;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}
