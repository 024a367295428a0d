import { FairleadError } from '#lib/errors';
import { readText } from '../files/files.ts';

/** A shorter token could be guessed. */
const minLength = 16;

/**
 * Reads the bearer token of the push service from a file, or from FAIRLEAD_PUSH_TOKEN. With an
 * authorization file, none is needed. Throws InvalidInput if none exists, and if it is too short or
 * has other characters than printable ASCII.
 */
export async function readPushToken(
  { tokenFile: file, authorization }: { readonly tokenFile?: string; readonly authorization?: string },
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const token = file === undefined ? env['FAIRLEAD_PUSH_TOKEN'] : (await readText(file)).trim();
  if (token === undefined && authorization !== undefined) return undefined;
  if (token === undefined) {
    throw new FairleadError('InvalidInput', 'no token for the push service', {
      hint: 'Use --token-file FILE or --authorization FILE, or set FAIRLEAD_PUSH_TOKEN.',
    });
  }
  if (token.length < minLength || /[^\x21-\x7e]/.test(token)) {
    const source = file ?? 'FAIRLEAD_PUSH_TOKEN';
    throw new FairleadError(
      'InvalidInput',
      `invalid token in ${source}: want at least ${minLength} printable characters`,
      {
        hint: 'Generate one with: openssl rand -hex 32',
      },
    );
  }
  return token;
}
