import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';

const authEntrySchema = v.object({
  auth: v.exactOptional(v.string()),
  username: v.exactOptional(v.string()),
  password: v.exactOptional(v.string()),
  identitytoken: v.exactOptional(v.string()),
  registrytoken: v.exactOptional(v.string()),
});
/** The name of a helper, not its path: `docker-credential-NAME` is looked for in PATH. */
const helperName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$|^$/));
const configSchema = v.looseObject({
  auths: v.optional(v.record(v.string(), authEntrySchema), {}),
  credHelpers: v.optional(v.record(v.string(), helperName), {}),
  credsStore: v.optional(helperName, ''),
});

/** A Docker config.json or containers auth.json, with the fields that we do not know. */
export type ConfigFile = v.InferOutput<typeof configSchema>;
export type AuthEntry = v.InferOutput<typeof authEntrySchema>;

/**
 * Reads such a file; returns undefined if none exists. Rejects with InvalidInput, which names the
 * file but nothing of its content.
 */
export async function readConfigFile(file: string): Promise<ConfigFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new FairleadError('InvalidInput', `${file}: cannot be read: ${code}`, {
      cause: error,
      hint: 'Check the owner and mode of the file, or set DOCKER_CONFIG to another directory.',
    });
  }
  return parseConfigFile(text, file);
}

/**
 * Reads the text of such a file. Throws InvalidInput, which names `file` but nothing of the text.
 */
export function parseConfigFile(text: string, file: string): ConfigFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may contain a secret: it is not passed on.
    throw new FairleadError('InvalidInput', `${file}: is not valid JSON`, {
      hint: 'Log in again, or remove the file.',
    });
  }
  const result = v.safeParse(configSchema, json, { abortEarly: true });
  if (result.success) return result.output;
  const where = v.getDotPath(result.issues[0]) ?? 'the document';
  throw new FairleadError('InvalidInput', `${file}: ${where} is invalid in a Docker config.json`);
}
