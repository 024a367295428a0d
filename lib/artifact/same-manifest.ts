import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '#lib/registry/descriptor';

/**
 * Reports whether two manifests are the same except for these annotations of the manifest, in any
 * order of keys. Their layers, config, subject and all other annotations are equal then.
 */
export function isSameManifest(one: Manifest, other: Manifest, except: ReadonlySet<string>): boolean {
  return isDeepStrictEqual(withoutAnnotations(one, except), withoutAnnotations(other, except));
}

function withoutAnnotations(manifest: Manifest, except: ReadonlySet<string>): Manifest {
  const kept = Object.entries(manifest.annotations ?? {}).filter(([key]) => !except.has(key));
  return { ...manifest, annotations: Object.fromEntries(kept) };
}
