import { resolve } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { ManifestFile } from '#operator/migrate/migration';
import { readInput } from '../files/files.ts';
import { isDirectory, readProfileDirectory } from '../files/profile-directory.ts';

/** A file of the command line, or in a directory of it. */
export interface NamedManifest extends ManifestFile {
  /** True if the command line names it, and not only its directory. */
  readonly isNamed: boolean;
}

/** What was read, and what was not. */
export interface ManifestFiles {
  readonly files: readonly NamedManifest[];
  readonly unread: readonly { readonly file: string; readonly error: FairleadError }[];
}

const maxBytes = 64 * 1024 * 1024;

/**
 * Reads files, the JSON and YAML files in directories, and stdin (`-`), each file once. Throws as
 * readProfileDirectory does.
 */
export async function readManifestFiles(paths: readonly string[]): Promise<ManifestFiles> {
  const files: NamedManifest[] = [];
  const unread: { file: string; error: FairleadError }[] = [];
  const seen = new Set<string>();
  const add = async (file: string, isNamed: boolean, content: () => Promise<Uint8Array> | Uint8Array) => {
    const real = file === '-' ? file : resolve(file);
    if (seen.has(real)) return;
    seen.add(real);
    const name = file === '-' ? 'stdin' : file;
    try {
      files.push({ name, isNamed, text: decode(await content(), name) });
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      unread.push({ file: name, error });
    }
  };
  for (const path of paths) {
    if (path === '-' || !(await isDirectory(path))) await add(path, true, () => readInput(path, maxBytes));
    else {
      for (const { file, content } of await readProfileDirectory(path)) {
        await add(file, false, () => {
          if (content instanceof FairleadError) throw content;
          return content;
        });
      }
    }
  }
  return { files, unread };
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${name}: not valid UTF-8`, {
      cause,
      hint: 'Convert the file, such as with iconv --to-code UTF-8.',
    });
  }
}
