import { FairleadError } from '#lib/errors';

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full. Free some space; nothing half-written was left behind.',
  EDQUOT: 'The disk quota is used up. Free some space; nothing half-written was left behind.',
  EACCES: 'Check who owns the folder and what this process may do there.',
  EPERM: 'Check who owns the folder and what this process may do there.',
  EROFS: 'The file system is mounted read-only.',
  EMFILE: 'Too many files are open. Raise the limit (ulimit -n).',
};

/** What the file system refused, as Unavailable, naming the file. Any other error passes through: the content's, a signal's reason, our own. */
export function fileError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error || 'errcode' in error)) return error;
  const code = fileErrorCode(error);
  const hint = hints[code];
  return new FairleadError('Unavailable', `${path}: ${error.message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The system's code of a file error, such as ENOENT; empty where it has none. */
export function fileErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
