import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';

/**
 * What the file system refused, as Unavailable, naming the file. Any other error passes through:
 * the content's, a signal's reason, our own.
 */
export function fileError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error || 'errcode' in error)) return error;
  return new FairleadError('Unavailable', `${path}: ${error.message}`, { cause: error, ...fileHint(error) });
}

/** The system's code of a file error, such as ENOENT; empty where it has none. */
export function fileErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
