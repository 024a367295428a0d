/** Texts to replace in what a runtime answers, such as IDs, by what they stand for. */
export type Names = ReadonlyMap<string, string>;

/** The values of a message's fields by their numbers. */
export type Shape = Readonly<Record<string, readonly unknown[]>>;

/**
 * Decodes a message without a schema, for comparison with the answer to the same question about
 * another pod: the records by their numbers, those of one number in any order, since runtimes write
 * maps in random order. Texts that are JSON are decoded as well. IDs become names; times, process
 * IDs, addresses and tokens become a word each.
 */
export function shapeOf(bytes: Uint8Array, names: Names): Shape {
  return messageShape(Buffer.from(bytes), names) ?? { 0: [Buffer.from(bytes).toString('hex')] };
}

/** Replaces in a text what differs between two pods. */
export function textShape(text: string, names: Names): unknown {
  let replaced = text;
  for (const [value, name] of names) replaced = replaced.replaceAll(value, name);
  if (/^[[{]/.test(replaced)) {
    try {
      return jsonShape(JSON.parse(replaced));
    } catch {
      // Text that only begins like JSON.
    }
  }
  return withoutVariety(replaced);
}

function withoutVariety(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, 'TIME')
    .replaceAll(/cni-[0-9a-f-]{36}/g, 'NETNS')
    .replaceAll(/10\.250\.0\.\d+/g, 'ADDRESS')
    .replaceAll(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'HARDWARE')
    .replaceAll(/veth[0-9a-f]{8}/g, 'INTERFACE')
    .replaceAll(/fe80::[0-9a-f:]+/g, 'ADDRESS')
    .replaceAll(/(exec|sandbox) "[0-9a-f]{64}"/g, '$1 ID')
    .replaceAll(/\/proc\/\d+\//g, '/proc/PID/')
    .replaceAll(/(127\.0\.0\.1:\d+\/(?:exec|attach|portforward)\/)[\w-]+/g, '$1TOKEN');
}

function jsonShape(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return withoutVariety(value);
  if (typeof value === 'number') return key === 'pid' ? 'PID' : value > 1e15 ? 'TIME' : value;
  if (Array.isArray(value)) return value.map((item) => jsonShape(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [withoutVariety(name), jsonShape(inner, name)]),
  );
}

/** Decodes bytes as records; undefined if they are not. */
function messageShape(bytes: Buffer, names: Names): Record<string, unknown[]> | undefined {
  const fields: Record<string, unknown[]> = {};
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = Number((tag ?? 7n) & 7n);
    if (tag === undefined || tag < 8n || type === 3 || type === 4 || type > 5) return undefined;
    const number = type === 0 || type === 2 ? varint() : BigInt(type === 1 ? 8 : 4);
    if (number === undefined) return undefined;
    let value: unknown = number > 10n ** 18n ? 'TIME' : Number(number);
    if (type !== 0) {
      const content = bytes.subarray(at, at + Number(number));
      at += Number(number);
      if (at > bytes.length) return undefined;
      value = type === 2 ? contentShape(content, names) : content.toString('hex');
    }
    const list = fields[String(tag >> 3n)] ?? [];
    fields[String(tag >> 3n)] = list;
    list.push(value);
  }
  for (const list of Object.values(fields)) list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return fields;
}

function contentShape(content: Buffer, names: Names): unknown {
  const text = content.toString('utf8');
  if (/^[ -~\n\t\r]*$/.test(text) && !/^[\n\t\r]/.test(text)) return textShape(text, names);
  return messageShape(content, names) ?? textShape(content.toString('latin1'), names);
}
