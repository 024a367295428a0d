/**
 * Returns what some bytes are instead of a Sigstore bundle, for those formats of signatures that
 * people mistake for one; undefined for everything else.
 */
export function foreignSignature(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString('utf8').trim();
  if (text === '') return 'it is empty';
  if (/^[A-Za-z0-9+/]{32,}={0,2}$/.test(text)) return 'it is a signature in base64, without a bundle';
  if (text.startsWith('-----BEGIN ')) return 'it is a file in PEM format, not a bundle';
  const [first = '', second] = text.split('\n', 2);
  const members = memberNames(text);
  if (members === undefined) {
    const lines = second !== undefined && memberNames(first) !== undefined && memberNames(second) !== undefined;
    return lines ? 'it has several bundles, one on each line' : undefined;
  }
  if (members.includes('base64Signature')) return 'it is in the old format of cosign, which cosign 2 writes by default';
  if (members.includes('payloadType')) return 'it is a DSSE envelope without a bundle';
  if (members.includes('predicateType')) return 'it is a statement that is not signed';
  return undefined;
}

/** Returns the names of the members of a JSON object; undefined for anything else. */
function memberNames(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : undefined;
  } catch {
    return undefined;
  }
}
