import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';
import { readProfile } from '#lib/profile/read-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';

/** Longest base profile that is read, in bytes. */
const longestBase = 1024 * 1024;
/** Room for files that are longer than they say. */
const spareBytes = 4096;

/**
 * Reads a seccomp profile that lies on the node. Links are followed, as the runtime follows them: only the node's administrator
 * can make one below the seccomp root, and the Security Profiles Operator does.
 * Throws ProfileInvalid where it is not a readable profile.
 */
export async function readBaseProfile(path: string): Promise<SeccompProfile> {
  const bytes = await readRegularFile(path);
  const profile = readProfile(bytes, `base profile ${path}`);
  if (profile.kind !== 'Seccomp') throw invalid(path, `it is a profile of kind ${profile.kind}`);
  return profile.seccomp;
}

async function readRegularFile(path: string): Promise<Uint8Array> {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
    throw invalid(path, cause.code === 'ENOENT' ? 'it does not exist' : 'it cannot be opened', cause);
  });
  try {
    const found = await file.stat();
    if (!found.isFile()) throw invalid(path, 'it is no file');
    // Not by its size alone: files of /proc say that they have none, and a file may grow.
    const bytes = Buffer.alloc(Math.min(found.size, longestBase) + spareBytes);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, null);
      if (bytesRead === 0) return bytes.subarray(0, filled);
      filled += bytesRead;
      if (filled > longestBase || filled === bytes.length) {
        throw invalid(path, `it has more than the ${longestBase} bytes allowed, or grows while it is read`);
      }
    }
  } finally {
    await file.close();
  }
}

function invalid(path: string, reason: string, cause?: unknown): FairleadError {
  return new FairleadError('ProfileInvalid', `base profile ${path}: ${reason}`, {
    cause,
    hint: 'Put the base profile on the node, or leave the base out.',
  });
}
