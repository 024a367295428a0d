import type { DescField, DescMessage } from '@bufbuild/protobuf';
import type { Random } from '../fuzz/mutate.ts';
import { delimited, emptyReading, type Reading, tag, type Value, varint } from './go-protobuf.ts';

/** How a message is encoded. */
export interface Scattering {
  readonly random: Random;
  /** Also write what no encoder writes: decoders refuse it, or differ in what they make of it. */
  readonly malformed: boolean;
  /** Texts to write before those that count. */
  readonly decoys: readonly string[];
}

/** No schema of CRI has a field of this number. */
const unknownNumber = 9000;

/**
 * Encodes a message in one of the many ways that mean the same: fields in any order, messages in
 * parts, scalars and entries of maps that come again (the last one counts), varints longer than
 * needed, and unknown fields of each wire type, groups among them, at any depth. If it is to be
 * malformed, some records are, or the message ends early.
 */
export function scatter(desc: DescMessage, message: Reading, scattering: Scattering): Buffer {
  const bytes = scatterAt(desc, message, scattering);
  const { random, malformed } = scattering;
  if (!malformed || bytes.length === 0 || random(6) > 0) return bytes;
  const at = random(256) % bytes.length;
  if (random(2) > 0) return bytes.subarray(0, at);
  bytes[at] = random(256);
  return bytes;
}

function scatterAt(desc: DescMessage, { known }: Reading, scattering: Scattering): Buffer {
  const { random, malformed } = scattering;
  const runs = desc.fields.flatMap((field) => {
    const value = known.get(field.number);
    return value === undefined ? [] : [recordsOf(field, value, scattering)];
  });
  while (random(5) === 4) runs.push([unknownField(random)]);
  while (malformed && random(24) === 23) runs.push([malformedRecord(desc, random)]);
  return Buffer.concat(interleave(runs, random));
}

/** Merges lists in any way that keeps the order of each. */
function interleave(runs: Buffer[][], random: Random): Buffer[] {
  const merged: Buffer[] = [];
  for (let left = runs; left.length > 0; left = left.filter((run) => run.length > 0)) {
    merged.push(left[random(left.length)]?.shift() ?? Buffer.alloc(0));
  }
  return merged;
}

function recordsOf(field: DescField, value: Value, scattering: Scattering): Buffer[] {
  const { number: no } = field;
  const { random, decoys } = scattering;
  const nested = (part: Reading): Buffer =>
    padded(no, scatterAt(field.message as DescMessage, part, scattering), random);
  if (typeof value === 'bigint') {
    const decoy = random(4) === 3 ? [number(no, BigInt(random(5)), random)] : [];
    return [...decoy, number(no, value, random)];
  }
  if (value instanceof Map) return [...value].flatMap((entry) => entriesOf(no, entry, scattering));
  if (Array.isArray(value)) {
    return value.map((item) => (Buffer.isBuffer(item) ? padded(no, item, random) : nested(item)));
  }
  if (Buffer.isBuffer(value)) {
    const decoy = random(4) === 3 ? [padded(no, oneOf(decoys, random), random)] : [];
    return [...decoy, padded(no, value, random)];
  }
  return random(3) === 2 ? split(value, random).map(nested) : [nested(value)];
}

/** Divides a message in two that decoders merge. */
function split({ known }: Reading, random: Random): [Reading, Reading] {
  const parts: [Reading, Reading] = [emptyReading(), emptyReading()];
  for (const [no, value] of known) {
    const part = parts[random(2)] as Reading;
    part.known.set(no, value);
  }
  return parts;
}

function entriesOf(no: number, [key, value]: [string, Buffer], { random, decoys, malformed }: Scattering): Buffer[] {
  const keyRecord = delimited(1, Buffer.from(key, 'latin1'));
  const valueRecord = delimited(2, value);
  const parts = [keyRecord, valueRecord];
  if (random(4) === 3) parts.reverse();
  if (random(8) === 7) parts.unshift(delimited(1 + random(2), oneOf(decoys, random)));
  if (random(8) === 7) parts.splice(random(parts.length + 1), 0, unknownField(random));
  if (malformed && random(24) === 23) parts.splice(random(parts.length + 1), 0, wrongType(1 + random(2), random));
  const decoy = Buffer.concat([keyRecord, delimited(2, oneOf(decoys, random))]);
  return [...(random(6) === 5 ? [padded(no, decoy, random)] : []), padded(no, Buffer.concat(parts), random)];
}

function oneOf(texts: readonly string[], random: Random): Buffer {
  return Buffer.from(texts[random(texts.length)] ?? '');
}

/** Writes some varints longer than needed; no encoder's tag has more than five bytes. */
function lengthOf(random: Random, most = 10): number {
  return random(6) === 5 ? 2 + random(most - 1) : 1;
}

function number(no: number, value: bigint, random: Random): Buffer {
  return Buffer.concat([tag(no, 0, lengthOf(random, 5)), varint(value, lengthOf(random))]);
}

function padded(no: number, content: Uint8Array, random: Random): Buffer {
  return Buffer.concat([tag(no, 2, lengthOf(random, 5)), varint(BigInt(content.length), lengthOf(random)), content]);
}

function group(no: number, content: Buffer): Buffer {
  return Buffer.concat([tag(no, 3), content, tag(no, 4)]);
}

/** Writes a value of any wire type. */
function anyValue(no: number, random: Random): Buffer {
  const bytes = (count: number): Buffer => Buffer.from(Array.from({ length: count }, () => random(256)));
  const numbers = [0n, 1n, 3n, 2n ** 32n + 3n, 2n ** 63n, 2n ** 64n - 1n];
  switch (random(5)) {
    case 0:
      return number(no, numbers[random(numbers.length)] ?? 0n, random);
    case 1:
      return padded(no, bytes(random(6)), random);
    case 2:
      return Buffer.concat([tag(no, 1), bytes(8)]);
    case 3:
      return Buffer.concat([tag(no, 5), bytes(4)]);
    default:
      return group(no, random(2) === 0 ? anyValue(1 + random(16), random) : Buffer.alloc(0));
  }
}

function unknownField(random: Random): Buffer {
  return anyValue(unknownNumber + random(2), random);
}

/** Writes a field of any wire type, whose content could be read as fields, too. */
function wrongType(no: number, random: Random): Buffer {
  const contents = [Buffer.alloc(0), delimited(15, Buffer.from([8, 3])), Buffer.from([16, 1]), Buffer.from([8, 1])];
  const content = contents[random(contents.length)] ?? Buffer.alloc(0);
  switch (random(4)) {
    case 0:
      return anyValue(no, random);
    case 1:
      return delimited(no, content);
    case 2:
      return group(no, content);
    default:
      // Read as a length, the number takes what follows for content.
      return Buffer.concat([tag(no, 0), varint(BigInt(random(40)))]);
  }
}

function malformedRecord(desc: DescMessage, random: Random): Buffer {
  const no = desc.fields[random(desc.fields.length)]?.number ?? 1;
  const records = [
    () => delimited(no, Buffer.from([0x6f, 0xc0, 0xaf, 0xff])),
    // Numbers that are this field's only if bits are cut off.
    () => Buffer.concat([tag((1n << BigInt(29 + 3 * random(3))) | BigInt(no), random(2) * 2), varint(1n)]),
    () => Buffer.concat([tag(no, 2), varint(2n ** 32n + 1n), Buffer.from([0])]),
    () => Buffer.concat([tag(no, 0), Buffer.alloc(9, 0x80), Buffer.from([2])]),
    () => Buffer.concat([tag(no, 0), Buffer.alloc(10, 0x80), Buffer.from([1])]),
    // Longer than what is left of this message, not of the one around it.
    () => Buffer.concat([tag(no, 2), varint(9n)]),
    () => Buffer.concat([tag(unknownNumber, 2), varint(3n)]),
    () => Buffer.concat([tag(unknownNumber, 3), tag(no, 4)]),
    () => tag(no, 4 + 2 * random(2)),
    () => tag(0, 2),
  ];
  return random(2) === 0 ? wrongType(no, random) : (records[random(records.length)]?.() ?? Buffer.alloc(0));
}
