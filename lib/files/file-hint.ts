const hints: Readonly<Record<string, string>> = {
  ENOENT:
    'There is no such file or folder. Check the path; a relative one counts from the folder where the command runs.',
  EEXIST: 'Something else of that name is there already. Choose another one.',
  ENOTDIR: 'A part of the path is a file, and no folder. Check the path.',
  EISDIR: 'It is a folder. Name a file.',
  ENAMETOOLONG: 'The name is too long for the file system. Choose a shorter one.',
  ELOOP: 'Its symbolic links lead in a circle. Check the path.',
  ENOSPC: 'The disk is full. Free some space; nothing half-written was left behind.',
  EDQUOT: 'The disk quota is used up. Free some space; nothing half-written was left behind.',
  EACCES: 'Check who owns the file and its folder, and what this process may do there.',
  EPERM: 'Check who owns the file and its folder, and what this process may do there.',
  EROFS: 'The file system is mounted read-only. Choose another place.',
  EMFILE: 'Too many files are open. Raise the limit (ulimit -n).',
};

/**
 * What to do about an error of the file system, for the `hint` of a FairleadError; {} where it is
 * no such error or nobody knows.
 */
export function fileHint(error: unknown): { hint?: string } {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const hint = typeof code === 'string' ? hints[code] : undefined;
  return hint === undefined ? {} : { hint };
}
