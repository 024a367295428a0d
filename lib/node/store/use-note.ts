import { type Digest, isDigest } from '#lib/registry/digest';

/** How a profile was applied to a container or sandbox. */
export interface AppliedRecord {
  /** When: RFC 3339. */
  readonly time: string;
  readonly kind: string;
  readonly reference: string;
  /** `match` of the rule that allowed it. */
  readonly rule: string;
  /** Who signed it: names of keys, and identities. */
  readonly signers: readonly string[];
  readonly base?: string;
  readonly mode?: string;
  /** The path of the effective profile, or its name in the kernel; absent if the runtime has it. */
  readonly installed?: string;
  /** How many dimensions of the profile each input constrained. */
  readonly constrained: Readonly<Record<string, number>>;
}

/** What a container or sandbox was created with. */
export interface Use {
  /** The artifacts of its profiles, one for each kind. */
  readonly artifacts: readonly Digest[];
  /** The name of its AppArmor profile in the kernel, if it has one of Fairlead's. */
  readonly appArmor?: string | undefined;
  /** How each of the artifacts was applied; absent in the notes of older releases. */
  readonly applied?: readonly AppliedRecord[];
}

/** Begin the lines of a note that are not the digest of an artifact. */
const appArmorLine = 'apparmor ';
const appliedLine = 'applied ';

/** Writes a note about a use. */
export function renderUse({ artifacts, appArmor, applied = [] }: Use): Uint8Array {
  const lines = [
    ...artifacts,
    ...(appArmor === undefined ? [] : [`${appArmorLine}${appArmor}`]),
    ...applied.map((record) => `${appliedLine}${JSON.stringify(record)}`),
  ];
  return Buffer.from(lines.join('\n'));
}

/** Reads a note. A power failure may have left it empty or cut. */
export function parseUse(text: string): Use {
  const lines = text.split('\n');
  const after = (start: string): readonly string[] =>
    lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
  const [appArmor] = after(appArmorLine);
  const applied = after(appliedLine).flatMap(parseApplied);
  return { artifacts: lines.filter((line) => isDigest(line)), appArmor, ...(applied.length > 0 && { applied }) };
}

/** Reads how a profile was applied. Returns nothing for a part of it. */
function parseApplied(json: string): readonly AppliedRecord[] {
  try {
    return [JSON.parse(json) as AppliedRecord];
  } catch {
    return [];
  }
}
