import type { DescField, DescMessage } from '@bufbuild/protobuf';

/**
 * The decoders of runtimes: `gogo` is the code that gogo/protobuf generates (containerd to 2.1,
 * CRI-O), `golang` is google.golang.org/protobuf (cri-api from 0.35).
 */
export type Decoder = 'gogo' | 'golang';
export const decoders: readonly Decoder[] = ['gogo', 'golang'];

/** What a decoder makes of a message. Scalars that are zero are absent. */
export interface Reading {
  readonly known: Map<number, Value>;
  /** The records of unknown fields in their order, with tags of the usual length. */
  readonly unknown: Buffer[];
}
export type Value = bigint | Buffer | Reading | (Buffer | Reading)[] | Map<string, Buffer>;

/** A decoder refuses a message. */
export class Refusal extends Error {}

/**
 * Decodes a message as a runtime does, with the fields that a schema has. Knows the types of CRI's
 * requests for containers and sandboxes: varints, texts, messages, lists of the last two, and maps
 * of texts. Throws Refusal.
 */
export function readAs(decoder: Decoder, desc: DescMessage, bytes: Buffer, into = emptyReading()): Reading {
  const cursor = new Cursor(decoder, bytes);
  while (!cursor.atEnd()) {
    const { no, type } = cursor.tag();
    const field = desc.fields.find(({ number }) => number === no);
    if (field !== undefined && type === wireType(field)) readField(cursor, field, into);
    else if (field !== undefined && decoder === 'gogo') throw new Refusal(`wrong wireType = ${type} for ${field.name}`);
    else {
      const start = cursor.at;
      cursor.skip(type, no);
      into.unknown.push(Buffer.concat([tag(no, type), bytes.subarray(start, cursor.at)]));
    }
  }
  return into;
}

/** Encodes what a decoder read: each field once, in the order of the numbers. */
export function write(desc: DescMessage, { known, unknown }: Reading): Buffer {
  const parts = desc.fields
    .toSorted((a, b) => a.number - b.number)
    .flatMap((field) => {
      const value = known.get(field.number);
      return value === undefined ? [] : writeField(field, value);
    });
  return Buffer.concat([...parts, ...unknown]);
}

export function emptyReading(): Reading {
  return { known: new Map(), unknown: [] };
}

/** Encodes a varint, padded to a length in bytes. */
export function varint(value: bigint, length = 1): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn));
    rest >>= 7n;
  } while (rest > 0n || bytes.length < length);
  return Buffer.from(bytes.map((byte, at) => (at < bytes.length - 1 ? byte | 0x80 : byte)));
}

export function tag(no: number | bigint, type: number, length = 1): Buffer {
  return varint((BigInt(no) << 3n) | BigInt(type), length);
}

/** Encodes a field of bytes. */
export function delimited(no: number, content: Uint8Array): Buffer {
  return Buffer.concat([tag(no, 2), varint(BigInt(content.length)), content]);
}

function wireType(field: DescField): number {
  const isVarint = field.fieldKind === 'enum' || (field.fieldKind === 'scalar' && !isText(field.scalar));
  return isVarint ? 0 : 2;
}

/** Reports whether a scalar type is string or bytes. */
function isText(scalar: number | undefined): boolean {
  return scalar === 9 || scalar === 12;
}

function readField(cursor: Cursor, field: DescField, { known }: Reading): void {
  const { number: no } = field;
  switch (field.fieldKind) {
    case 'message': {
      const before = known.get(no) as Reading | undefined;
      known.set(no, readAs(cursor.decoder, field.message, cursor.content(), before));
      return;
    }
    case 'list': {
      const item =
        field.listKind === 'message'
          ? readAs(cursor.decoder, field.message, cursor.content())
          : cursor.text(field.scalar === 9);
      known.set(no, [...((known.get(no) as (Buffer | Reading)[] | undefined) ?? []), item]);
      return;
    }
    case 'map': {
      const { key, value } = cursor.entry();
      known.set(no, new Map(known.get(no) as Map<string, Buffer> | undefined).set(key.toString('latin1'), value));
      return;
    }
    default: {
      const value = wireType(field) === 2 ? cursor.text(field.scalar === 9) : scalar(field, cursor.varint());
      if (value === 0n || (Buffer.isBuffer(value) && value.length === 0)) known.delete(no);
      else known.set(no, value);
    }
  }
}

/** Converts a varint to the type of a field, as Go does. */
function scalar(field: DescField, value: bigint): bigint {
  if (field.scalar === 8) return value === 0n ? 0n : 1n;
  return field.scalar === 13 ? BigInt.asUintN(32, value) : BigInt.asIntN(32, value);
}

function writeField(field: DescField, value: Value): Buffer[] {
  const { number: no } = field;
  const one = (item: bigint | Buffer | Reading): Buffer => {
    if (typeof item === 'bigint') return Buffer.concat([tag(no, 0), varint(item)]);
    return delimited(no, Buffer.isBuffer(item) ? item : write(field.message as DescMessage, item));
  };
  if (value instanceof Map) {
    return [...value].map(([key, content]) =>
      delimited(no, Buffer.concat([delimited(1, Buffer.from(key, 'latin1')), delimited(2, content)])),
    );
  }
  return Array.isArray(value) ? value.map(one) : [one(value)];
}

/** A place in a message that a decoder reads. */
class Cursor {
  at = 0;
  readonly decoder: Decoder;
  readonly #bytes: Buffer;

  constructor(decoder: Decoder, bytes: Buffer) {
    this.decoder = decoder;
    this.#bytes = bytes;
  }

  atEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift >= 64n) throw new Refusal('integer overflow');
      const byte = this.#bytes[this.at];
      if (byte === undefined) throw new Refusal('unexpected end');
      this.at += 1;
      if (this.decoder === 'golang' && shift === 63n && byte > 1) throw new Refusal('variable length integer overflow');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
  }

  tag(): { no: number; type: number } {
    const wire = this.varint();
    const number = wire >> 3n;
    const no = this.decoder === 'gogo' ? BigInt.asIntN(32, number) : number;
    const type = Number(wire & 7n);
    const largest = this.decoder === 'gogo' ? 2n ** 31n : 2n ** 29n;
    if (no < 1n || no >= largest || type === 4) throw new Refusal('illegal tag');
    return { no: Number(no), type };
  }

  content(): Buffer {
    const length = this.varint();
    if (length > BigInt(this.#bytes.length - this.at)) throw new Refusal('unexpected end');
    this.at += Number(length);
    return this.#bytes.subarray(this.at - Number(length), this.at);
  }

  text(isString: boolean): Buffer {
    const text = this.content();
    if (this.decoder === 'golang' && isString && !isUtf8(text)) throw new Refusal('invalid UTF-8');
    return text;
  }

  entry(): { key: Buffer; value: Buffer } {
    if (this.decoder === 'golang') return new Cursor('golang', this.content()).#entryOf(Number.POSITIVE_INFINITY);
    const length = this.varint();
    if (length > BigInt(this.#bytes.length - this.at)) throw new Refusal('unexpected end');
    const end = this.at + Number(length);
    const found = this.#entryOf(end);
    this.at = end;
    return found;
  }

  /**
   * Reads the fields of an entry. gogo checks no wire type in it, and that fields end with the
   * message, not with the entry.
   */
  #entryOf(end: number): { key: Buffer; value: Buffer } {
    const found = { key: Buffer.alloc(0), value: Buffer.alloc(0) };
    while (this.at < Math.min(end, this.#bytes.length)) {
      const { no, type } = this.tag();
      const name = no === 1 ? 'key' : 'value';
      if (no < 3 && (type === 2 || this.decoder === 'gogo')) found[name] = this.text(true) as typeof found.key;
      else this.skip(type, no);
      if (no > 2 && this.at > end) throw new Refusal('unexpected end');
    }
    return found;
  }

  skip(type: number, no: number): void {
    if (type === 0) this.varint();
    else if (type === 1) this.#advance(8);
    else if (type === 2) this.content();
    else if (type === 3) this.#skipGroup(no);
    else if (type === 5) this.#advance(4);
    else throw new Refusal('illegal wireType');
  }

  #advance(count: number): void {
    if (this.at + count > this.#bytes.length) throw new Refusal('unexpected end');
    this.at += count;
  }

  /** Skips to the end of a group. gogo does not compare the number at its end. */
  #skipGroup(no: number): void {
    for (;;) {
      const wire = this.varint();
      const type = Number(wire & 7n);
      const inner = Number(wire >> 3n);
      if (type !== 4) this.skip(type, inner);
      else if (this.decoder === 'golang' && inner !== no) throw new Refusal('mismatching end group marker');
      else return;
    }
  }
}

function isUtf8(text: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(text);
    return true;
  } catch {
    return false;
  }
}
