import type { FileName } from '#lib/config/config-document';
import { FairleadError } from '#lib/errors';
import type { PolicyFiles } from '#lib/trust/policy/resolve-policy';
import type { TrustPolicyObject } from '../api/trustpolicy/v1alpha1.ts';
import { fieldOfSteps } from '../validate/field.ts';

/** What a TrustPolicy object specifies. */
export type TrustPolicySpec = TrustPolicyObject['spec'];

/** A specification in the form of a policy file, and the files that it has as text. */
export interface InlinePolicy {
  /** The document of a policy file, in which each key and root is named by its field. */
  readonly value: object;
  readonly files: InlineFiles;
}

/** The keys and roots of a TrustPolicy object, by the fields that they are in. */
export class InlineFiles implements PolicyFiles {
  readonly areInline = true;
  readonly #texts: ReadonlyMap<string, string>;

  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = texts;
  }

  async read({ path }: FileName): Promise<Uint8Array> {
    const text = this.#texts.get(path);
    if (text === undefined) throw new FairleadError('Internal', `the policy has no ${path}`);
    return Buffer.from(text);
  }

  describe({ path }: FileName): string {
    return path;
  }
}

/** Returns a specification in the form of a policy file. */
export function inlinePolicy({ rules = [], trustedRoot }: TrustPolicySpec): InlinePolicy {
  const texts = new Map<string, string>();
  const name = (text: string, ...steps: readonly (string | number)[]): string => {
    const field = fieldOfSteps(['spec', ...steps]);
    texts.set(field, text);
    return field;
  };
  const named = (value: unknown, path: readonly (string | number)[]): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => named(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    const members = Object.entries(value).map(([key, member]) => {
      const at = [...path, key];
      return [key, key === 'key' && typeof member === 'string' ? name(member, ...at) : named(member, at)] as const;
    });
    // In a file, what is not so is left out.
    return Object.fromEntries(members.filter(([, member]) => member !== false));
  };
  const { json, tuf } = trustedRoot ?? {};
  const root =
    json !== undefined
      ? name(json, 'trustedRoot', 'json')
      : tuf && { tuf: tuf.url, root: name(tuf.root, 'trustedRoot', 'tuf', 'root') };
  const value = {
    apiVersion: 'fairlead.dev/v1',
    kind: 'TrustPolicy',
    rules: named(rules, ['rules']),
    ...(root !== undefined && { trustedRoot: root }),
  };
  return { value, files: new InlineFiles(texts) };
}
