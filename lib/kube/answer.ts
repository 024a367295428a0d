import type { IncomingMessage } from 'node:http';
import { FairleadError } from '#lib/errors';
import { parseExactJson } from '../text/exact-json.ts';
import { quote } from '../text/quote.ts';
import type { AnswerSize } from './api-server.ts';

const maxAnswerBytes = 16 * 1024 * 1024;
/** Characters that are quoted of a line without an end. */
const mostQuoted = 300;
const anySize: AnswerSize = { max: maxAnswerBytes, small: maxAnswerBytes, turn: async () => undefined };

/** Reads the body of an answer. Throws LimitExceeded if it is too large. */
export async function readAnswer(response: IncomingMessage, size = anySize): Promise<string> {
  const { max, small, turn } = size;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const wasSmall = length <= small;
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop destroys the response.
    if (length > max) throw new FairleadError('LimitExceeded', `the API server answers with more than ${max} bytes`);
    // The API server waits meanwhile: its bytes are not read from the connection.
    if (wasSmall && length > small) await turn();
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Returns an answer as JSON; numbers keep all their digits (see parseExactJson). Throws Unavailable
 * if it is not: something else has answered.
 */
export function parseAnswer(json: string, title: string): unknown {
  try {
    return parseExactJson(json);
  } catch (cause) {
    throw new FairleadError('Unavailable', `cannot ${title}: the answer is not valid JSON`, { cause });
  }
}

/**
 * Calls `onLine` for each line of an answer. Throws LimitExceeded if one is too long, and
 * Unavailable if the answer ends within one, such as the page of a proxy.
 */
export async function readLines(response: IncomingMessage, onLine: (line: string) => void): Promise<void> {
  // The parts of a line are joined once: joined with each of its chunks, one of megabytes would be
  // searched again and again.
  let parts: string[] = [];
  let length = 0;
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const [first = '', ...others] = chunk.split('\n');
    parts.push(first);
    length += first.length;
    for (const next of others) {
      onLine(parts.join(''));
      parts = [next];
      length = next.length;
    }
    if (length > maxAnswerBytes) {
      throw new FairleadError('LimitExceeded', `the API server sends a line of more than ${maxAnswerBytes} bytes`);
    }
  }
  if (length > 0) {
    const rest = quote(parts.join(''), mostQuoted);
    throw new FairleadError('Unavailable', `the answer ends within a line: ${rest}`);
  }
}
