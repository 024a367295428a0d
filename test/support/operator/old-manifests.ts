import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ManifestFile } from '#operator/migrate/migration';
import type { JsonObject } from '#operator/migrate/value';

const directory = new URL('../../integration/operator/fixtures/old-manifests/', import.meta.url);

/** Returns manifests in the shapes in which people had them for SPO before its 1.0, and in 1.0. */
export function oldManifests(): readonly ManifestFile[] {
  return readdirSync(directory).map((name) => ({ name, text: readFileSync(new URL(name, directory), 'utf8') }));
}

/**
 * Writes the manifests into a new directory, with the versions of workloads that Kubernetes 1.minor
 * has: CronJobs are served in v1 from 1.21 on, and in nothing else from 1.25 on.
 */
export function writeOldManifests(into: string, minor: number): void {
  mkdirSync(into);
  for (const { name, text } of oldManifests()) {
    writeFileSync(
      join(into, name),
      minor < 25 ? text : text.replace('apiVersion: batch/v1beta1', 'apiVersion: batch/v1'),
    );
  }
}

/** Returns the objects in a file, with those of lists on their own. Large numbers are bigints. */
export function objectsIn(text: string): readonly JsonObject[] {
  return parseAllDocuments(text, { schema: 'core', intAsBigInt: true }).flatMap((document): readonly JsonObject[] => {
    const value = inDoubles(document.toJS()) as JsonObject | null;
    if (value === null) return [];
    const items = value['items'];
    return Array.isArray(items) ? items : [value];
  });
}

/** Returns a value with the numbers as numbers that these hold exactly. */
function inDoubles(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(inDoubles);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inDoubles(item)]));
}
