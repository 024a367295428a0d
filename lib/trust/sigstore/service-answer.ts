import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { readWords } from '#lib/network/error-words';
import type { ServiceAnswer } from '../../network/service-client.ts';

/** What is read of an answer that is an error. */
const errorBytes = 16 * 1024;

/**
 * Reads the JSON of an answer. Throws Unavailable where it is an error, or is not as it should be.
 */
export function readAnswer<T>(url: string, answer: ServiceAnswer, schema: v.GenericSchema<unknown, T>): T {
  if (answer.status >= 300) throw serviceError(url, answer);
  const parsed = v.safeParse(schema, parseJson(answer.body), { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw unavailable(`${url} answered with something else than asked for: ${v.getDotPath(issue) ?? 'no such JSON'}`);
}

/**
 * What a service answered in place of what was asked for, with the words that it may have given
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
