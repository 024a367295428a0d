import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { readWords } from '#lib/network/error-words';
import type { ServiceAnswer } from '../../network/service-client.ts';

/** The most bytes that are read of an error. */
const errorBytes = 16 * 1024;

/**
 * Reads the JSON of an answer. Throws Unavailable for an error and for unexpected content.
 */
export function readAnswer<T>(url: string, answer: ServiceAnswer, schema: v.GenericSchema<unknown, T>): T {
  if (answer.status >= 300) throw serviceError(url, answer);
  const parsed = v.safeParse(schema, parseJson(answer.body), { abortEarly: true });
  if (parsed.success) return parsed.output;
  const path = v.getDotPath(parsed.issues[0]);
  throw unavailable(
    `invalid answer of ${url}: ${path === null ? 'want JSON of the expected type' : `missing or invalid ${path}`}`,
  );
}

/**
 * Returns the error for an answer with an error status, with the message of the service, if any
 * (see readWords).
 */
export function serviceError(url: string, { status, body }: ServiceAnswer): FairleadError {
  const { text, structured } = readWords(body.subarray(0, errorBytes).toString('utf8'));
  return unavailable(`${url} answered ${status}${structured && text !== '' ? `: ${text}` : ''}`);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function unavailable(message: string): FairleadError {
  return new FairleadError('Unavailable', message, {
    hint: 'Nothing was published under the tag. Try again, or check the services of the signing config.',
  });
}
