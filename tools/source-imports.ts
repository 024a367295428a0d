import { join } from 'node:path/posix';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';

/** One import of a file. */
export interface SourceImport {
  readonly file: string;
  readonly line: number;
  /** What is imported, as it is written: `#lib/errors`, `../read.ts`, `node:fs`, `valibot`. */
  readonly specifier: string;
}

/**
 * Returns all imports of files: static and dynamic ones, `export … from`, and those of a type alone
 * (`import type`, `typeof import('…')`).
 *
 * @param files from each file's path to its text
 */
export function importsOf(files: Readonly<Record<string, string>>): SourceImport[] {
  const project = '/project';
  const config = join(project, 'tsconfig.json');
  // The compiler parses these files and resolves nothing, which takes a second, not five.
  const compilerOptions = { allowJs: true, module: 'nodenext', noLib: true, noResolve: true, types: [] };
  const fs = createVirtualFileSystem({
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [join(project, name), text])),
    [config]: JSON.stringify({ compilerOptions, files: Object.keys(files) }),
  });
  const api = new API({ cwd: project, fs });
  try {
    const program = api.updateSnapshot({ openProjects: [config] }).getProject(config)?.program;
    return Object.keys(files).flatMap((file) => {
      const source = program?.getSourceFile(join(project, file));
      if (source === undefined) throw new Error(`cannot parse ${file}`);
      return source.imports.map((literal) => ({
        file,
        line: source.getLineAndCharacterOfPosition(literal.end).line + 1,
        specifier: source.text.slice(literal.pos, literal.end).trim().slice(1, -1),
      }));
    });
  } finally {
    api.close();
  }
}
