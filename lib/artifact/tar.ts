const block = 512;
const regular = new Set(['0', '\0', '7']);
/** Types of entries with the name of the next entry: in the records of pax, or of GNU tar. */
const paxHeader = 'x';
const gnuName = 'L';
/** Most entries that are read: what is packed for CRI-O has one. */
const mostEntries = 1_024;

/** One regular file of a tar. */
export interface TarFile {
  /** Separated by `/`, without a leading `./`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Reports whether bytes are a tar (POSIX ustar or GNU, by the magic of its first header). */
export function isTar(bytes: Uint8Array): boolean {
  return textAt(bytes, 257, 5) === 'ustar';
}

/**
 * Returns the regular files of an uncompressed tar, in their order. Nothing is written anywhere, so
 * paths need no checks. Throws a RangeError that states what is wrong.
 */
export function readTar(bytes: Uint8Array): readonly TarFile[] {
  const files: TarFile[] = [];
  let named: string | undefined;
  let entries = 0;
  for (let at = 0; at + block <= bytes.length; ) {
    const header = bytes.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return files;
    entries += 1;
    if (entries > mostEntries) throw new RangeError(`more than ${mostEntries} entries`);
    checkSum(header);
    const size = octalAt(header, 124, 12);
    const start = at + block;
    if (start + size > bytes.length) throw new RangeError('it is truncated');
    const content = bytes.subarray(start, start + size);
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === paxHeader) named = paxPath(content) ?? named;
    else if (type === gnuName) named = textAt(content, 0, size);
    else {
      const prefix = textAt(header, 345, 155);
      const path = named ?? `${prefix === '' ? '' : `${prefix}/`}${textAt(header, 0, 100)}`;
      if (regular.has(type)) files.push({ path: path.replace(/^(?:\.?\/)+/, ''), bytes: content });
      named = undefined;
    }
    at = start + Math.ceil(size / block) * block;
  }
  throw new RangeError('it has no end marker');
}

/** Verifies the checksum of a header, for which its own field is read as spaces. */
function checkSum(header: Uint8Array): void {
  let sum = 0;
  for (let at = 0; at < block; at += 1) sum += at >= 148 && at < 156 ? 0x20 : (header[at] as number);
  if (sum !== octalAt(header, 148, 8)) throw new RangeError('a header is damaged');
}

function octalAt(bytes: Uint8Array, at: number, length: number): number {
  const text = textAt(bytes, at, length).trim();
  if (!/^[0-7]{1,11}$/.test(text)) throw new RangeError('a header has an invalid size or checksum');
  return Number.parseInt(text, 8);
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  const field = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

/**
 * Returns the path in records of pax: each is its own length, a space, `key=value` and a newline.
 */
function paxPath(content: Uint8Array): string | undefined {
  return /(?:^|\n)\d{1,6} path=([^\n]*)\n/.exec(Buffer.from(content).toString('utf8'))?.[1];
}
