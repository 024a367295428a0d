import { access } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';
import { isRegistry, parseReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { writeNote } from '../terminal/output.ts';

/** Where a profile comes from that the command line names. */
export type ProfileSource =
  | { readonly from: 'stdin' }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'registry'; readonly reference: Reference };

const scheme = 'oci://';

/**
 * Decides what an argument of the command line names: `-` is stdin; what begins with `oci://` is a
 * reference; other text is a file if that exists, or a reference if it has a registry, and a tag or
 * a digest. All other text is a file. Throws InvalidInput for an invalid reference after `oci://`.
 */
export async function findSource(argument: string): Promise<ProfileSource> {
  if (argument === '-') return { from: 'stdin' };
  if (argument.startsWith(scheme)) {
    const reference = parseReference(argument.slice(scheme.length));
    tagOrDigestOf(reference);
    return { from: 'registry', reference };
  }
  const reference = asReference(argument);
  const isFile = await access(argument).then(
    () => true,
    (error: NodeJS.ErrnoException) =>
      error.code !== 'ENOENT' && error.code !== 'ENOTDIR' && error.code !== 'ENAMETOOLONG',
  );
  if (isFile && reference !== undefined) {
    writeNote('note', `${argument} is read as a file; ${scheme}${argument} is the reference`);
  }
  return isFile || reference === undefined ? { from: 'file', path: argument } : { from: 'registry', reference };
}

/** Returns a text as a reference, if it has a tag or a digest. */
function asReference(text: string): Reference | undefined {
  try {
    const reference = parseReference(text);
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
