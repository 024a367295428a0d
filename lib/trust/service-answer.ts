import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { ServiceAnswer } from './service-client.ts';

const messageSchema = v.object({ message: v.string() });
const longestMessage = 300;

/** Reads the JSON of an answer. Throws Unavailable where it is an error, or is not as it should be. */
export function readAnswer<T>(url: string, answer: ServiceAnswer, schema: v.GenericSchema<unknown, T>): T {
  if (answer.status >= 300) throw serviceError(url, answer);
  const parsed = v.safeParse(schema, parseJson(answer.body), { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw unavailable(`${url} answered with something else than asked for: ${v.getDotPath(issue) ?? 'no such JSON'}`);
}

/** What a service answered in place of what was asked for, with the message that it may have given. */
export function serviceError(url: string, { status, body }: ServiceAnswer): FairleadError {
  const told = v.safeParse(messageSchema, parseJson(body));
  const message = told.success ? `: ${JSON.stringify(told.output.message.slice(0, longestMessage))}` : '';
  return unavailable(`${url} answered ${status}${message}`);
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
