import { FairleadError } from '#lib/errors';

/**
 * Returns an error about a file that a project names and that cannot be read, with the place of its
 * name: a path in a project is not relative to the working directory. Other errors are returned as
 * they are.
 */
export function inProject(place: string | undefined, error: unknown): unknown {
  if (place === undefined || !(error instanceof FairleadError) || !error.summary.startsWith('cannot read '))
    return error;
  const { kind, summary, hint, cause } = error;
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  const next = missing
    ? 'There is no such file or directory. Check the path: in a project file, it starts at the directory of that file.'
    : hint;
  return new FairleadError(kind, `${place}: ${summary}`, { cause, ...(next !== undefined && { hint: next }) });
}
