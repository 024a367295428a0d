import { constants, createReadStream, statSync } from 'node:fs';
import { chmod, chown, type FileHandle, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { isStandardOutput, placeToWrite } from '#lib/files/place-to-write';
import { writeWhole } from '#lib/files/write-whole';

/**
 * Reads a file that a person named on the command line, up to `limit` bytes; `-` is stdin. Throws
 * InvalidInput or LimitExceeded.
 */
export async function readInput(path: string, limit: number): Promise<Uint8Array> {
  if (path === '-') return readStdin(limit);
  refuseSecret(path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const status = await handle.stat();
    // Pipes and devices have no size.
    if (!status.isFile()) return await gather(handle.createReadStream({ autoClose: false }), path, limit);
    if (status.size > limit) throw tooLarge(path, limit);
    return await handle.readFile();
  } catch (cause) {
    throw cause instanceof FairleadError ? cause : unreadable(path, cause);
  } finally {
    await handle?.close();
  }
}

/**
 * Reads a file that a person named on the command line, of any size, in pieces; `-` is stdin.
 * Throws InvalidInput, naming the file.
 */
export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1024 * 1024 });
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Reads a small text file (a key, a passphrase). Throws InvalidInput, naming the file. */
export async function readText(path: string): Promise<string> {
  refuseSecret(path);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Refuses the content of a key or a token in place of the name of its file: an error would show it.
 * Throws InvalidInput.
 */
export function refuseSecret(path: string): void {
  if (!/-----BEGIN |^eyJ[\w-]+\.[\w-]+\./.test(path)) return;
  throw new FairleadError(
    'InvalidInput',
    'the content of a key or a token was given in place of the name of its file',
    {
      hint: 'Write it to a file that only you can read, and name that file.',
    },
  );
}

/**
 * Refuses a command line that reads two inputs from stdin: a password could be published as a
 * profile. `takers` names the options and arguments that read stdin, with undefined for those that
 * do not. Throws InvalidInput.
 */
export function refuseSharedStdin(...takers: readonly (string | undefined)[]): void {
  const [first, second] = takers.filter((taker) => taker !== undefined);
  if (first === undefined || second === undefined) return;
  throw new FairleadError('InvalidInput', `${first} and ${second} cannot both come from stdin`, {
    hint: 'Write one of them to a file. For a password, use fairlead login.',
  });
}

/** Reads stdin, up to `limit` bytes. Throws LimitExceeded. */
export async function readStdin(limit: number): Promise<Uint8Array> {
  return gather(process.stdin, 'stdin', limit);
}

async function gather(stream: AsyncIterable<Uint8Array>, name: string, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limit) throw tooLarge(name, limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Writes a file completely or not at all: another process sees the old content or the new. Links
 * stay; devices, pipes and open files are written to. Throws InvalidInput, naming the file.
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const place = await placeToWrite(path);
    if (place.isReplaced) {
      await writeWhole(place.path, bytes, { temporaryDirectory: dirname(place.path), mode: 0o644 });
    } else {
      const file = await openInPlace(place.path);
      try {
        await file.writeFile(bytes);
      } finally {
        await file.close();
      }
    }
  } catch (cause) {
    throw cause instanceof FairleadError ? cause : unwritable(path, cause);
  }
}

/** Opens what is not replaced (placeToWrite) to be written. */
export function openInPlace(path: string): Promise<FileHandle> {
  return open(path, constants.O_WRONLY | constants.O_TRUNC);
}

/**
 * Replaces the content of an existing file completely or not at all. Its mode and owner stay, and
 * so does a link to it. Throws InvalidInput, naming the file.
 */
export async function rewriteFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const { path: real, isReplaced } = await placeToWrite(path);
    if (!isReplaced) throw new FairleadError('InvalidInput', `cannot rewrite ${path}: it is a device or a pipe`);
    const { mode, uid, gid } = await stat(real);
    await writeWhole(real, bytes, { temporaryDirectory: dirname(real), mode: mode & 0o777 });
    const now = await stat(real);
    if (now.uid !== uid || now.gid !== gid) await chown(real, uid, gid);
    if (now.mode !== mode) await chmod(real, mode & 0o7777);
  } catch (cause) {
    throw cause instanceof FairleadError ? cause : unwritable(path, cause);
  }
}

/**
 * Writes a new file with this mode through to the disk, completely or not at all. Throws Conflict
 * if it exists, and InvalidInput if it cannot be written.
 */
export async function writeNewFile(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  try {
    const handle = await open(path, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } catch (error) {
      // Created above. An empty key would prevent the next attempt.
      await rm(path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, 'code') === 'EEXIST') {
      throw new FairleadError('Conflict', `${path} already exists and is not overwritten`, {
        hint: 'Choose another name, or move the file away.',
      });
    }
    throw unwritable(path, cause);
  }
}

/**
 * Refuses stdout as a file to write, as which results are printed: `-`, because it means a standard
 * stream elsewhere, and names such as /dev/stdout. Throws InvalidInput.
 */
export async function refuseStdout(path: string, hint: string): Promise<void> {
  if (path !== '-' && !(await isStandardOutput(path))) return;
  throw new FairleadError('InvalidInput', `cannot write to ${path}: want the name of a file`, { hint });
}

/** Returns the error for a file that cannot be read: InvalidInput. */
export function unreadable(path: string, cause: unknown): FairleadError {
  return new FairleadError('InvalidInput', `cannot read ${path || 'a file with an empty name'}`, {
    cause,
    ...fileHint(cause),
  });
}

/** Returns the error for a file that cannot be written: InvalidInput. */
export function unwritable(path: string, cause: unknown): FairleadError {
  // What the system answers to a rename onto a directory depends on the directory: EBUSY for `.`.
  const isDirectory = isDirectoryNow(path);
  return new FairleadError('InvalidInput', `cannot write ${path || 'a file with an empty name'}`, {
    cause,
    ...(isDirectory ? { hint: 'It is a directory. Name a file.' } : fileHint(cause)),
  });
}

function isDirectoryNow(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // the cause of the caller is reported
  }
}

function tooLarge(path: string, limit: number): FairleadError {
  return new FairleadError('LimitExceeded', `${path} is larger than ${limit} bytes`, {
    hint: 'Check that this is the right file.',
  });
}
