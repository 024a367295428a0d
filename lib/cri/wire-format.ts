import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';

/** What a field may be on the wire. */
interface FieldFormat {
  readonly wireType: WireType;
  /** The fields of a message, or of an entry of a map. */
  readonly fields?: ReadonlyMap<number, FieldFormat> | undefined;
}

/** The longest varint, in bytes; its last byte has one bit. */
const longestVarint = 10;
/** How deeply groups may be nested. */
const deepest = 100;

const formats = new WeakMap<DescMessage, ReadonlyMap<number, FieldFormat>>();

/**
 * Verifies that every decoder of protobuf reads a message as `fromBinary` does, or refuses it. They
 * differ in what they make of a field that is of another wire type than the schema: an error, an
 * unknown field, or, in `fromBinary`, other fields from the same bytes. They also differ in fields
 * that are longer than the message that they are in, and in numbers of more than 64 bits. Throws
 * an Error with the field.
 */
export function requireWireFormat(desc: DescMessage, bytes: Uint8Array): void {
  new WireReader(bytes).message(formatOf(desc), bytes.length);
}

function formatOf(desc: DescMessage): ReadonlyMap<number, FieldFormat> {
  const known = formats.get(desc);
  if (known !== undefined) return known;
  const fields = new Map<number, FieldFormat>();
  formats.set(desc, fields); // before its fields: types may be recursive
  for (const field of desc.fields) fields.set(field.number, fieldFormat(field));
  return fields;
}

function fieldFormat(field: DescField): FieldFormat {
  if (field.fieldKind !== 'map') return valueFormat(field);
  const entry = new Map<number, FieldFormat>([
    [1, { wireType: scalarWireType(field.mapKey) }],
    [2, valueFormat(field)],
  ]);
  return { wireType: WireType.LengthDelimited, fields: entry };
}

/** Returns the format of a field's value, or of one in a list or map. */
function valueFormat({ message, scalar }: DescField): FieldFormat {
  if (message !== undefined) return { wireType: WireType.LengthDelimited, fields: formatOf(message) };
  return { wireType: scalar === undefined ? WireType.Varint : scalarWireType(scalar) };
}

/** The schema has no lists of numbers, which may be packed, and no numbers of a fixed size. */
function scalarWireType(scalar: ScalarType): WireType {
  return scalar === ScalarType.STRING || scalar === ScalarType.BYTES ? WireType.LengthDelimited : WireType.Varint;
}

class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads the fields of a message up to its end. */
  message(fields: ReadonlyMap<number, FieldFormat>, end: number): void {
    while (this.#at < end) {
      const { no, wireType } = this.#tag(end);
      const format = fields.get(no);
      if (format !== undefined && wireType !== format.wireType) {
        throw new Error(`field ${no} has wire type ${wireType}`);
      }
      if (format?.fields === undefined) this.#skip(wireType, no, end, deepest);
      else {
        const length = this.#varint(end);
        if (length > end - this.#at) throw new Error(`field ${no} is longer than its message`);
        this.message(format.fields, this.#at + length);
      }
    }
  }

  /** Tags of more than 32 bits are refused by `fromBinary`. */
  #tag(end: number): { no: number; wireType: number } {
    const tag = this.#varint(end);
    return { no: Math.floor(tag / 8), wireType: tag % 8 };
  }

  /** Reads a number, which is exact up to 2^53. */
  #varint(end: number): number {
    let value = 0;
    for (let length = 1, factor = 1; ; length += 1, factor *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined || this.#at >= end) throw new Error('a number is longer than its message');
      this.#at += 1;
      if (length === longestVarint && byte > 1) throw new Error('a number has more than 64 bits');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  #skip(wireType: number, no: number, end: number, depth: number): void {
    if (wireType === WireType.Varint) this.#varint(end);
    else if (wireType === WireType.LengthDelimited) this.#advance(this.#varint(end), no, end);
    else if (wireType === WireType.Bit64) this.#advance(8, no, end);
    else if (wireType === WireType.Bit32) this.#advance(4, no, end);
    else if (wireType === WireType.StartGroup) this.#skipGroup(no, end, depth);
    else throw new Error(`field ${no} has wire type ${wireType}`);
  }

  #advance(count: number, no: number, end: number): void {
    if (count > end - this.#at) throw new Error(`field ${no} is longer than its message`);
    this.#at += count;
  }

  #skipGroup(no: number, end: number, depth: number): void {
    if (depth === 0) throw new Error(`the groups in field ${no} are nested too deeply`);
    for (;;) {
      const inner = this.#tag(end);
      if (inner.wireType !== WireType.EndGroup) this.#skip(inner.wireType, inner.no, end, depth - 1);
      else if (inner.no === no) return;
      else throw new Error(`the group in field ${no} ends with field ${inner.no}`);
    }
  }
}
