import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError } from '#lib/errors';
import { isRegistry, tagOrDigestOf } from '#lib/registry/reference';
import { isRanged, parseRequested, type RequestedReference } from '#lib/registry/requested-reference';
import { writeNote } from '../terminal/output.ts';
import { hasScheme, withoutScheme, withScheme } from './reference-scheme.ts';

/** Where a profile comes from that the command line names. */
export type ProfileSource =
  | { readonly from: 'stdin' }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'registry'; readonly reference: RequestedReference };

/**
 * Decides what an argument of the command line names: `-` is stdin; what begins with `oci://` is a
 * reference; other text is a file if that exists, or a reference if it has a registry, and a tag, a
 * digest or a range of versions. All other text is a file. Throws InvalidInput for an invalid
 * reference after `oci://`.
 */
export async function findSource(argument: string): Promise<ProfileSource> {
  if (argument === '-') return { from: 'stdin' };
  if (hasScheme(argument)) {
    const reference = parseRequested(withoutScheme(argument));
    if (!isRanged(reference)) tagOrDigestOf(reference);
    return { from: 'registry', reference };
  }
  const reference = asReference(argument);
  const isFile = await access(argument).then(
    () => true,
    (error: NodeJS.ErrnoException) =>
      error.code !== 'ENOENT' && error.code !== 'ENOTDIR' && error.code !== 'ENAMETOOLONG',
  );
  if (isFile && reference !== undefined) {
    writeNote('note', `${argument} is read as a file; ${withScheme(argument)} is the reference`);
  }
  return isFile || reference === undefined ? { from: 'file', path: argument } : { from: 'registry', reference };
}

/**
 * Reports whether an argument that names a file to write can only be meant as a reference: with
 * `oci://`, or in a directory that does not exist.
 */
export function isReferenceOnly(argument: string): boolean {
  return hasScheme(argument) || (asReference(argument) !== undefined && !existsSync(dirname(argument)));
}

/** Returns a text as a reference, if it has a tag, a digest or a range of versions. */
function asReference(text: string): RequestedReference | undefined {
  try {
    const reference = parseRequested(text);
    if (isRanged(reference)) return reference;
    return reference.tag === undefined && reference.digest === undefined ? undefined : reference;
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

/** Reports whether the name of a missing file looks like that of content in a registry. */
export function looksLikeReference(path: string): boolean {
  const [first = '', ...others] = path.split('/');
  return !/^[./~]/.test(path) && ((others.length > 0 && isRegistry(first)) || /:[^/]*$|@/.test(path));
}
