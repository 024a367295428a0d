import * as v from 'valibot';
import type { SeenVersions } from '#lib/catalog/catalog-news';
import { FairleadError } from '#lib/errors';
import { isDigest } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { readInput, replaceFile } from '../files/files.ts';

const digest = v.custom<SeenVersions[string]>(
  (value) => typeof value === 'string' && isDigest(value),
  'invalid digest',
);
const stateSchema = v.object({
  schemaVersion: v.literal(1),
  /** By the reference of the catalog. */
  catalogs: v.record(v.string(), v.record(v.string(), digest)),
});
const maxStateBytes = 64 * 1024 * 1024;

/** What a follower has seen of each catalog, by its reference. */
export type FollowState = ReadonlyMap<string, SeenVersions>;

/**
 * Reads the state of an earlier pass; an empty one if the file does not exist. Throws InvalidInput
 * for a file that is something else.
 */
export async function readFollowState(file: string): Promise<FollowState> {
  let bytes: Uint8Array;
  try {
    bytes = await readInput(file, maxStateBytes);
  } catch (error) {
    if (error instanceof FairleadError && isMissing(error.cause)) return new Map();
    throw error;
  }
  const parsed = v.safeParse(stateSchema, parseJson(bytes));
  if (parsed.success) return new Map(Object.entries(parsed.output.catalogs));
  throw new FairleadError('InvalidInput', `${quote(file, 300)} is not a state of fairlead catalog follow`, {
    hint: 'Name another file, or delete this one to begin anew.',
  });
}

/** Writes a state as a whole or not at all. Throws InvalidInput, naming the file. */
export async function writeFollowState(file: string, state: FollowState): Promise<void> {
  const document = { schemaVersion: 1, catalogs: Object.fromEntries(state) };
  await replaceFile(file, Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`));
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // reported as another file
  }
}
