import { setImmediate as nextTurn } from 'node:timers/promises';
import { FairleadError, toFairleadError } from '#lib/errors';
import { hasFewValues } from '#lib/text/few-values';
import { convert } from '../conversion/convert.ts';
import { parseJson, writeJson } from '../conversion/exact-numbers.ts';
import { isObject } from '../conversion/json.ts';
import type { ConversionRequest } from './convert-review.ts';

/** Most bytes of one object. An API server accepts no object of more than 3 MiB. */
export const maxObjectBytes = 4 * 1024 * 1024;

/**
 * Most values of one object: more than an API server can store, whose objects have at most 1.5 MiB.
 * An empty list takes three bytes of text and twenty times as many after parsing.
 */
const maxValues = 1_000_000;

/** How long other calls wait while the objects of a list are converted, in milliseconds. */
const turn = 10;

/** Bytes of the parts of an answer. */
const partBytes = 256 * 1024;

/**
 * Converts the objects of a request, one after the other, and returns the answer
 * (apiextensions.k8s.io/v1 ConversionReview) in parts. Throws the error of the first object that
 * cannot be converted, and the reason of `signal` if it aborts.
 */
export async function convertObjects(
  { uid, desiredAPIVersion, objects }: ConversionRequest,
  signal: AbortSignal,
): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  let text = `${beginAnswer(uid)},"result":{"status":"Success"},"convertedObjects":[`;
  let began = performance.now();
  for (const [index, object] of objects.entries()) {
    text += `${index === 0 ? '' : ','}${convertObject(object, desiredAPIVersion, index)}`;
    if (text.length > partBytes) {
      parts.push(Buffer.from(text));
      text = '';
    }
    if (performance.now() - began > turn) {
      await nextTurn();
      signal.throwIfAborted();
      began = performance.now();
    }
  }
  parts.push(Buffer.from(`${text}]}}`));
  return parts;
}

/** Returns the answer for objects that cannot be converted. The API server shows its message. */
export function answerFailure(uid: string, { message, hint }: FairleadError): Buffer {
  const result = {
    status: 'Failure',
    message: `fairlead operator: ${message}${hint === undefined ? '' : `. ${hint}`}`,
  };
  return Buffer.from(`${beginAnswer(uid)},"result":${JSON.stringify(result)},"convertedObjects":[]}}`);
}

function beginAnswer(uid: string): string {
  return `{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","response":{"uid":${JSON.stringify(uid)}`;
}

function convertObject(bytes: Uint8Array, apiVersion: string, index: number): string {
  const place = `request.objects[${index}]`;
  if (bytes.length > maxObjectBytes) {
    throw new FairleadError('LimitExceeded', `${place} has ${bytes.length} bytes: want at most ${maxObjectBytes}`);
  }
  if (!hasFewValues(bytes, maxValues)) {
    throw new FairleadError('LimitExceeded', `${place} has more than ${maxValues} values`);
  }
  try {
    const object = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
    if (!isObject(object)) throw new FairleadError('InvalidInput', `${place} is not an object`);
    return writeJson(convert(object, apiVersion));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new FairleadError('InvalidInput', `${place} is not valid JSON`);
    // The stack is too small for objects that are nested very deeply.
    if (thrown instanceof RangeError) throw new FairleadError('LimitExceeded', `${place} is nested too deeply`);
    throw toFairleadError(thrown);
  }
}
