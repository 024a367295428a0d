import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { describeIssue } from '../api/describe-issue.ts';

/** A request of the API server (apiextensions.k8s.io/v1 ConversionRequest). */
export interface ConversionRequest {
  readonly uid: string;
  readonly desiredAPIVersion: string;
  /** The text of each object. Not parsed, since all of a list would take many times its bytes. */
  readonly objects: readonly Uint8Array[];
}

const shortText = v.pipe(v.string(), v.minLength(1), v.maxLength(253));

const reviewSchema = v.object({
  apiVersion: v.literal('apiextensions.k8s.io/v1'),
  kind: v.literal('ConversionReview'),
  request: v.object({
    uid: shortText,
    desiredAPIVersion: shortText,
    // They were taken out.
    objects: v.nullish(v.pipe(v.array(v.unknown()), v.maxLength(0))),
  }),
});

/** Reads the body of a conversion call. Throws InvalidInput that names the invalid field. */
export function parseConversionReview(body: Buffer): ConversionRequest {
  const { objects, before, after } = takeObjects(body);
  let value: unknown;
  try {
    value = JSON.parse(`${before}${after}`);
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the review is not valid JSON', { cause });
  }
  const parsed = v.safeParse(reviewSchema, value, { abortEarly: true });
  if (!parsed.success) {
    const issue = describeIssue(parsed.issues[0], 'the body');
    throw new FairleadError('InvalidInput', `invalid ConversionReview of apiextensions.k8s.io/v1: ${issue}`);
  }
  const { uid, desiredAPIVersion } = parsed.output.request;
  return { uid, desiredAPIVersion, objects };
}

interface TakenObjects {
  readonly objects: readonly Uint8Array[];
  /** The text before the objects, and after them. */
  readonly before: string;
  readonly after: string;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Where `request.objects` is: the depth of its items. */
const itemDepth = 3;

/**
 * Takes the items out of `request.objects` in a text of JSON, without parsing it. Of invalid JSON,
 * the rest or an item is invalid, too.
 */
function takeObjects(body: Buffer): TakenObjects {
  const objects: Uint8Array[] = [];
  const keys: string[] = [];
  let depth = 0;
  let string = '';
  let begin = -1;
  let item = -1;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === quote) {
      const end = endOfString(body, at);
      // Keys above the items are needed; texts of the items are not read.
      if (begin < 0 && depth < itemDepth) string = body.toString('latin1', at + 1, end);
      at = end;
    } else if (byte === colon && begin < 0) keys[depth] = string;
    else if (byte === openList || byte === openObject) {
      depth++;
      if (byte === openList && depth === itemDepth && keys[1] === 'request' && keys[2] === 'objects') {
        begin = at + 1;
        item = begin;
      }
    } else if (byte === comma && depth === itemDepth && begin >= 0) {
      objects.push(body.subarray(item, at));
      item = at + 1;
    } else if (byte === closeList || byte === closeObject) {
      if (depth === itemDepth && begin >= 0) {
        const last = body.subarray(item, at);
        if (objects.length > 0 || !isBlank(last)) objects.push(last);
        return { objects, before: body.toString('utf8', 0, begin), after: body.toString('utf8', at) };
      }
      depth--;
    }
  }
  return { objects: [], before: body.toString(), after: '' };
}

/** Returns where the string that begins at a place ends: at its second quote, or with the text. */
function endOfString(body: Buffer, begin: number): number {
  let at = begin + 1;
  while (at < body.length && body[at] !== quote) at += body[at] === backslash ? 2 : 1;
  return at;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte <= 0x20);
}
