const hints: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or directory. Check the path; a relative path starts at the working directory.',
  EEXIST: 'Something else has that name already. Choose another name.',
  ENOTDIR: 'A part of the path is a file, not a directory. Check the path.',
  EISDIR: 'It is a directory. Name a file.',
  ENAMETOOLONG: 'The name is too long for the file system. Choose a shorter name.',
  ELOOP: 'Its symbolic links form a loop. Check the path.',
  ENOSPC: 'The disk is full. Free some space; nothing half-written was left behind.',
  EDQUOT: 'The disk quota is used up. Free some space; nothing half-written was left behind.',
  EACCES: 'Check the owner and mode of the file and of its directory.',
  EPERM: 'Check the owner and mode of the file and of its directory.',
  EROFS: 'The file system is mounted read-only. Choose another path.',
  EMFILE: 'Too many files are open. Raise the limit (ulimit -n).',
};

/**
 * Returns the next step after an error of the file system, as the `hint` of a FairleadError; {} for
 * any other error.
 */
export function fileHint(error: unknown): { hint?: string } {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const hint = typeof code === 'string' ? hints[code] : undefined;
  return hint === undefined ? {} : { hint };
}
