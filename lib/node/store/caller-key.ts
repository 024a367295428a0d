import { createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isExhausted } from '#lib/errors';
import { writeDurably } from './durable-file.ts';
import type { StoreDirectories } from './store-directories.ts';

const keyBytes = 32;

/**
 * Returns the key of a store by which callers are identified, and creates it if it does not exist.
 * The records then hold no hash of a password that can be guessed without this file. Throws as
 * writeDurably does.
 */
export async function openCallerKey({ callers, temporary }: StoreDirectories): Promise<Uint8Array> {
  const path = join(callers, 'key');
  const found = await readFile(path).catch((error: unknown) => {
    if (isExhausted(error)) throw error;
    return undefined;
  });
  if (found?.length === keyBytes) return found;
  // Callers of the records are not known any more, and are verified again.
  const key = randomBytes(keyBytes);
  await writeDurably(path, key, { temporaryDirectory: temporary });
  return key;
}

/** Returns what identifies a caller by its secret. */
export function identify(secret: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(secret).digest('hex');
}
