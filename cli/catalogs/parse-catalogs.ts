import { dirname, isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import { ConfigText } from '#lib/config/config-text';
import { FairleadError } from '#lib/errors';
import { parseReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';

/** A catalog that a configuration names. */
export interface ConfiguredCatalog {
  readonly name: string;
  readonly reference: Reference;
  /** Path of the trust policy that the catalog and its profiles must meet. */
  readonly policy?: string;
  /** Path of the public key that must have signed them. */
  readonly key?: string;
}

const text = v.pipe(v.string(), v.nonEmpty('empty value'), v.maxLength(4096));
const catalogKeys = {
  name: v.pipe(
    text,
    v.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'invalid name: want lower-case letters, digits, ".", "_" and "-"'),
  ),
  reference: text,
  policy: v.exactOptional(text),
  key: v.exactOptional(text),
};
const fileKeys = { catalogs: v.pipe(v.array(v.strictObject(catalogKeys)), v.maxLength(100)) };
const fileSchema = v.strictObject(fileKeys);
const keysBelow: Readonly<Record<string, object>> = { '': fileKeys, catalogs: catalogKeys };

/**
 * Parses a file that names catalogs (YAML or JSON). `source` is its path: other paths in it are
 * relative to its directory. Throws InvalidInput with source, line and column.
 */
export function parseCatalogs(content: string, source: string): readonly ConfiguredCatalog[] {
  const document = new ConfigText(content, source, 'See docs/guides/catalogs.md for the format of catalogs.yaml.');
  const parsed = v.safeParse(fileSchema, document.value ?? { catalogs: [] });
  if (!parsed.success) throw document.schemaError(parsed.issues, (parent) => Object.keys(keysBelow[parent] ?? {}));
  const root = dirname(source);
  const resolve = (path: string): string => (isAbsolute(path) ? path : join(root, path));
  const names = new Set<string>();
  return parsed.output.catalogs.map(({ name, reference, policy, key }, at) => {
    const place = ['catalogs', at];
    if (names.has(name)) throw document.error([...place, 'name'], `two catalogs have the name ${name}`);
    names.add(name);
    if (policy !== undefined && key !== undefined) {
      throw document.error(place, '"policy" and "key" cannot be used together');
    }
    return {
      name,
      reference: referenceAt(document, [...place, 'reference'], reference),
      ...(policy !== undefined && { policy: resolve(policy) }),
      ...(key !== undefined && { key: resolve(key) }),
    };
  });
}

function referenceAt(document: ConfigText, place: readonly (string | number)[], reference: string): Reference {
  try {
    const parsed = parseReference(reference);
    tagOrDigestOf(parsed);
    return parsed;
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    throw document.error(place, error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}
