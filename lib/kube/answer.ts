import type { IncomingMessage } from 'node:http';
import { FairleadError } from '#lib/errors';
import type { AnswerSize } from './api-server.ts';

const maxAnswerBytes = 16 * 1024 * 1024;
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
    // The API server waits meanwhile: nobody takes its bytes off the connection.
    if (wasSmall && length > small) await turn();
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Calls `onLine` for each line of an answer. Throws LimitExceeded if one is too long. */
export async function readLines(response: IncomingMessage, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length > maxAnswerBytes) {
      throw new FairleadError('LimitExceeded', `the API server sends a line of more than ${maxAnswerBytes} bytes`);
    }
  }
}
