/** Files and directories of this machine, by what callers are told in their place. */
export type LocalPaths = Readonly<Record<string, string>>;

/**
 * Has a text name no file of this machine: what stands in `paths`, with all below it, is called by
 * the name that it has there, and files at which a call of the operating system failed `a file`. So
 * is what a message is about: an absolute path before a colon. Names without a `/` tell nothing,
 * and stay.
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

/** The files at which calls of the operating system failed, which an error comes from. */
export function failedFilesOf(error: unknown): string[] {
  const files: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    for (const path of [Reflect.get(at, 'path'), Reflect.get(at, 'dest')])
      if (typeof path === 'string') files.push(path);
  }
  return files;
}
