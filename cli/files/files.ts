import { open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { writeWhole } from '#lib/files/write-whole';

/**
 * Reads a file that a person named on the command line; `-` is stdin. Stops at `limit` bytes.
 * Throws InvalidInput or LimitExceeded.
 */
export async function readInput(path: string, limit: number): Promise<Uint8Array> {
  if (path === '-') return readStdin(limit);
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(path, 'r');
    const status = await handle.stat();
    // Pipes and devices do not tell how much comes out of them.
    if (!status.isFile()) return await gather(handle.createReadStream({ autoClose: false }), path, limit);
    if (status.size > limit) throw tooLarge(path, limit);
    return await handle.readFile();
  } catch (cause) {
    throw cause instanceof FairleadError ? cause : unreadable(path, cause);
  } finally {
    await handle?.close();
  }
}

/** Reads a small text file (a key, a passphrase). Throws InvalidInput naming it. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Refuses a command line that takes two things from stdin, of which one would be used as the other:
 * a password as what is published. `takers` are options and arguments that may take it, undefined
 * where they do not. Throws InvalidInput.
 */
export function refuseSharedStdin(...takers: readonly (string | undefined)[]): void {
  const [first, second] = takers.filter((taker) => taker !== undefined);
  if (first === undefined || second === undefined) return;
  throw new FairleadError('InvalidInput', `${first} and ${second} cannot both come from stdin`, {
    hint: 'Write one of them to a file. A password is kept by fairlead login.',
  });
}

/** All of stdin, up to `limit` bytes. */
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
 * Writes a file whole or not at all: another process sees the old content or the new. Throws
 * InvalidInput naming it.
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeWhole(path, bytes, { temporaryFolder: dirname(path), mode: 0o644 });
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/**
 * Writes a file that must not be there yet, with this mode, through to the disk, whole or not at
 * all. Throws Conflict where it is.
 */
export async function writeNewFile(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  try {
    const handle = await open(path, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } catch (error) {
      // Ours, since it was made a moment ago: an empty key would be in the way of the next attempt.
      await rm(path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, 'code') === 'EEXIST') {
      throw new FairleadError('Conflict', `${path} is there already and is not overwritten`, {
        hint: 'Choose another name, or move the file away.',
      });
    }
    throw unwritable(path, cause);
  }
}

/**
 * Refuses `-` where a file is written: elsewhere that is a standard stream, and here it would be a
 * file of that name. Throws InvalidInput.
 */
export function refuseDash(path: string, hint: string): void {
  if (path === '-') throw new FairleadError('InvalidInput', 'a file is written here, and - names none', { hint });
}

/** A file that a person named and that cannot be read, as InvalidInput. */
export function unreadable(path: string, cause: unknown): FairleadError {
  return new FairleadError('InvalidInput', `cannot read ${path || 'a file without a name'}`, {
    cause,
    ...fileHint(cause),
  });
}

/** A file that a person named and that cannot be written, as InvalidInput. */
export function unwritable(path: string, cause: unknown): FairleadError {
  return new FairleadError('InvalidInput', `cannot write ${path || 'a file without a name'}`, {
    cause,
    ...fileHint(cause),
  });
}

function tooLarge(path: string, limit: number): FairleadError {
  return new FairleadError('LimitExceeded', `${path} has more than ${limit} bytes`, {
    hint: 'Nothing larger is taken. Check that it is the file that is meant.',
  });
}
