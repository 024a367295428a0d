import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The texts of manifests by the names of their files. */
export type ManifestFiles = Readonly<Record<string, string>>;

/** Replaced by the build (tools/bundle.ts), which has no such files; undefined in a checkout. */
declare const fairleadManifests: ManifestFiles | undefined;

/** Returns the manifests of deploy/operator, without the generated ones. */
export function manifestFiles(): ManifestFiles {
  if (typeof fairleadManifests !== 'undefined') return fairleadManifests;
  return readManifestFiles(join(import.meta.dirname, '../../deploy/operator'));
}

/** Reads the manifests that are directly in a directory, without what only kustomize reads. */
export function readManifestFiles(directory: string): ManifestFiles {
  const names = readdirSync(directory).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  return Object.fromEntries(names.toSorted().map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
}
