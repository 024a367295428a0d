import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';

/**
 * Returns an error of the file system as Unavailable, with the name of the file. Any other error is
 * returned as it is: that of the content, a signal's reason, our own.
 */
export function fileError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error || 'errcode' in error)) return error;
  return new FairleadError('Unavailable', `${path}: ${error.message}`, { cause: error, ...fileHint(error) });
}

/** Returns the system's code of a file error, such as ENOENT; empty if it has none. */
export function fileErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
