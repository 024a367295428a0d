/** Files and directories of this machine, by the names that callers get instead. */
export type LocalPaths = Readonly<Record<string, string>>;

/**
 * Returns a text without names of files of this machine. What is in `paths`, with everything below
 * it, gets its name there; files at which a system call failed become `a file`, and so does the
 * subject of a message: an absolute path before a colon. Names without a `/` reveal nothing, and
 * stay.
 */
export function withoutLocalPaths(text: string, paths: LocalPaths, failedFiles: readonly string[] = []): string {
  const names: LocalPaths = { ...Object.fromEntries(failedFiles.map((path) => [path, 'a file'])), ...paths };
  const known = Object.keys(names)
    .filter((path) => /[^/]/.test(path) && path.includes('/'))
    .sort((a, b) => b.length - a.length);
  const named = known.reduce((rest, path) => {
    const below = path.endsWith('/') ? '' : '(?:/|(?![\\w.-]))';
    const found = new RegExp(
      `(?<![\\w./:-])${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}${below}[^\\s:,;"'\`)]*`,
      'g',
    );
    return rest.replace(found, () => names[path] ?? '');
  }, text);
  return named.replace(/(^|: )(?:\/[^\s/:]+){2,}(?=:)/g, '$1a file');
}

/** Returns the files at which system calls failed that an error comes from. */
export function failedFilesOf(error: unknown): string[] {
  const files: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    for (const path of [Reflect.get(at, 'path'), Reflect.get(at, 'dest')])
      if (typeof path === 'string') files.push(path);
  }
  return files;
}
