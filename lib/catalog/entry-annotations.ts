import { profileAnnotations } from '#lib/artifact/describe-profile';
import { parseReference, type Reference } from '#lib/registry/reference';
import { shorten } from '#lib/text/quote';
import { catalogPrefix, createdAnnotation } from './format.ts';

/** Most annotations of an artifact that a catalog takes over, and most characters of one. */
const annotationsTaken = 32;
const lengthTaken = 1024;
const imagesTaken = 64;
const summaryTaken = 400;

/** Taken over before others if there are too many. */
const preferred: ReadonlySet<string> = new Set([
  ...Object.values(profileAnnotations),
  ...['created', 'title', 'version', 'source', 'revision', 'licenses', 'documentation', 'authors', 'vendor', 'url'].map(
    (name) => `org.opencontainers.image.${name}`,
  ),
]);

/**
 * Returns the annotations of a manifest that a catalog takes over, sorted: at most 32, each with at
 * most 1,024 characters, and none that only builders of catalogs write.
 */
export function takenAnnotations(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const keys = Object.keys(annotations).filter((key) => !key.startsWith(catalogPrefix) && key.length <= 255);
  const first = keys.filter((key) => preferred.has(key)).sort();
  const others = keys.filter((key) => !preferred.has(key)).sort();
  const taken = [...first, ...others].slice(0, annotationsTaken).sort();
  return Object.fromEntries(taken.map((key) => [key, shorten(annotations[key] ?? '', lengthTaken)]));
}

/** What the publisher of a profile states about it in annotations. */
export interface StatedFields {
  readonly summary?: string;
  readonly images: readonly string[];
  readonly created?: string;
}

/**
 * Reads what a publisher states in the annotations of an artifact. What is malformed is left out:
 * an image with a tag or without a registry, an invalid time.
 *
 * @param attachedTo `registry/repository` of the image that it is attached to, which is one of its
 * images as well.
 */
export function statedFields(
  annotations: Readonly<Record<string, string>>,
  attachedTo: string | undefined,
): StatedFields {
  const summary = annotations[profileAnnotations.summary];
  const created = annotations[createdAnnotation];
  return {
    images: imagesIn([annotations[profileAnnotations.images] ?? '', attachedTo ?? ''].join(',')),
    ...(summary !== undefined && summary !== '' && { summary: shorten(summary, summaryTaken) }),
    ...(created !== undefined && isTime(created) && { created }),
  };
}

function imagesIn(text: string): readonly string[] {
  const names = text.split(',').slice(-imagesTaken);
  return [...new Set(names.map((name) => name.trim()).filter(isImage))].sort();
}

function isImage(text: string): boolean {
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch {
    return false; // an annotation may be anything
  }
  return reference.tag === undefined && reference.digest === undefined;
}

/** Reports whether a text is a time (RFC 3339). */
function isTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}
