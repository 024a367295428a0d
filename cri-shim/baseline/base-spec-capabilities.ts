import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { readNodeFile } from './node-file.ts';

const schema = v.object({
  process: v.nullish(v.object({ capabilities: v.nullish(v.object({ bounding: v.nullish(v.array(v.string()), []) })) })),
});

/**
 * Reads the bounding set from the file of containerd's `base_runtime_spec`, an OCI runtime spec in
 * JSON: the names that match `CAP_…`. Other names have no effect on the default profile of
 * containerd.
 *
 * @throws FairleadError ProfileInvalid if the file is missing or is not an OCI runtime spec.
 */
export async function baseSpecCapabilities(path: string): Promise<readonly string[]> {
  const bytes = await readNodeFile(path, (reason, cause) => unusable(path, reason, cause));
  if (bytes === undefined) throw unusable(path, 'it does not exist');
  const parsed = v.safeParse(schema, parseJson(path, bytes));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw unusable(path, `${v.getDotPath(issue) ?? ''}: ${issue.message}`);
  }
  return (parsed.output.process?.capabilities?.bounding ?? []).filter((name) => /^CAP_[A-Z_]+$/.test(name)).sort();
}

function parseJson(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw unusable(path, 'it is not valid JSON', cause);
  }
}

function unusable(path: string, reason: string, cause?: unknown): FairleadError {
  return new FairleadError('ProfileInvalid', `the base runtime spec of the container runtime, ${path}: ${reason}`, {
    cause,
    hint: 'The default profile depends on the capabilities in this file. Correct it, or the setting base_runtime_spec of containerd.',
  });
}
