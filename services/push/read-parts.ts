import type { Multipart } from '@fastify/multipart';
import { FairleadError } from '#lib/errors';
import { parseReference, type Reference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';

/** One profile of a request, and its parameters. */
export interface RequestedProfile {
  readonly reference: Reference;
  readonly title?: string | undefined;
  readonly failOn?: 'loosened' | undefined;
  readonly overwrite: boolean;
  /** A Sigstore bundle that the caller made. */
  readonly bundle?: Uint8Array | undefined;
  readonly bytes: Uint8Array;
}

/** Most profiles of a request. */
export const maxProfiles = 64;
/** The fields that a profile may have before it. */
const fieldNames = ['reference', 'title', 'failOn', 'overwrite', 'bundle'] as const;
type FieldName = (typeof fieldNames)[number];
/** Bytes of a field that is not a bundle. */
const maxFieldBytes = 1024;
/** Bytes of a bundle that is sent as text, not as a file. */
const maxTextBytes = 1024 * 1024;

/** The limits of a form, for its parser. */
export const formLimits = {
  fieldNameSize: 64,
  fieldSize: maxTextBytes,
  headerPairs: 32,
  parts: maxProfiles * (fieldNames.length + 1),
  files: maxProfiles * 2,
  fields: maxProfiles * fieldNames.length,
} as const;

/**
 * Reads the profiles of a form: the fields of each, and then the profile itself, in the order of
 * the parts. Throws InvalidInput for an unknown or repeated field, a profile without a reference or
 * that is not sent as a file, fields without a profile, and if there is no profile; LimitExceeded
 * for too many; and what the parser throws.
 */
export async function readParts(parts: AsyncIterable<Multipart>): Promise<readonly RequestedProfile[]> {
  const profiles: RequestedProfile[] = [];
  let total = 0;
  let fields = new Map<FieldName, Uint8Array>();
  for await (const part of wellFormed(parts)) {
    // The parser decodes a text, with the charset that it states, and parses one of JSON.
    if (part.fieldname === 'profile' && part.type !== 'file') {
      throw invalid(`profile ${profiles.length + 1} is not sent as a file`);
    }
    const bytes = await contentOf(part);
    total += bytes.length;
    if (total > maxArtifactBytes) {
      throw new FairleadError('LimitExceeded', `the form has more than ${maxArtifactBytes} bytes`);
    }
    if (part.fieldname === 'profile') {
      if (profiles.length === maxProfiles) {
        throw new FairleadError('LimitExceeded', `the form has more than ${maxProfiles} profiles`);
      }
      profiles.push(readProfile(fields, bytes, profiles.length + 1));
      fields = new Map();
      continue;
    }
    const name = fieldNames.find((each) => each === part.fieldname);
    if (name === undefined) {
      // A part without a name has none here either, against its type.
      throw invalid(`unknown field ${quote(part.fieldname ?? '')}: want ${fieldNames.join(', ')} or profile`);
    }
    if (fields.has(name)) throw invalid(`the field ${name} is repeated before a profile`);
    if (name !== 'bundle' && bytes.length > maxFieldBytes) {
      throw new FairleadError('LimitExceeded', `the field ${name} has more than ${maxFieldBytes} bytes`);
    }
    fields.set(name, bytes);
  }
  const [left] = fields.keys();
  if (left !== undefined) throw invalid(`the field ${left} is after the last profile`);
  if (profiles.length === 0) throw invalid('the form has no profile');
  return profiles;
}

/** Returns the parts. Errors of the parser without a status become InvalidInput. */
async function* wellFormed(parts: AsyncIterable<Multipart>): AsyncGenerator<Multipart, void, undefined> {
  try {
    yield* parts;
  } catch (error) {
    throw malformed(error);
  }
}

function malformed(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof FairleadError || 'statusCode' in error) return error;
  return invalid(`the form is malformed: ${error.message}`);
}

async function contentOf(part: Multipart): Promise<Uint8Array> {
  if (part.type === 'file') {
    return part.toBuffer().catch((error: unknown) => {
      throw malformed(error);
    });
  }
  if (typeof part.value !== 'string') throw invalid(`the field ${quote(part.fieldname)} has no text`);
  if (part.valueTruncated || part.fieldnameTruncated) {
    throw new FairleadError('LimitExceeded', `the field ${quote(part.fieldname)} is too long`);
  }
  return Buffer.from(part.value, 'utf8');
}

function readProfile(fields: ReadonlyMap<FieldName, Uint8Array>, bytes: Uint8Array, at: number): RequestedProfile {
  const text = (name: FieldName): string | undefined => {
    const value = fields.get(name);
    return value === undefined ? undefined : Buffer.from(value).toString('utf8');
  };
  const reference = text('reference');
  if (reference === undefined) throw invalid(`profile ${at} has no field reference before it`);
  const [title, failOn, overwrite] = [text('title'), text('failOn'), text('overwrite')];
  if (title !== undefined && (title === '' || title.length > 255)) {
    throw invalid(`invalid title of profile ${at}: want 1 to 255 characters`);
  }
  if (failOn !== undefined && failOn !== 'loosened') {
    throw invalid(`invalid failOn of profile ${at}: want loosened`);
  }
  if (overwrite !== undefined && overwrite !== 'true' && overwrite !== 'false') {
    throw invalid(`invalid overwrite of profile ${at}: want true or false`);
  }
  const parsed = parseReference(reference);
  return { reference: parsed, title, failOn, overwrite: overwrite !== 'false', bundle: fields.get('bundle'), bytes };
}

function invalid(message: string): FairleadError {
  return new FairleadError('InvalidInput', message, {
    hint: 'Send for each profile its fields and then the profile: curl -F reference=registry.example.com/security/nginx:1 -F profile=@nginx.json',
  });
}
