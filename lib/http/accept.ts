import { quote } from '#lib/text/quote';
import { HttpError } from './problem.ts';

/**
 * Returns the media type to answer with (RFC 9110, 12.5.1): the offered one with the highest
 * quality, the first on a tie. Without an Accept header, or if it is empty, that is the first.
 * Throws HttpError 406 if none is acceptable.
 *
 * It is our own since negotiator, the usual package, has no types, accepts nothing if the header is
 * empty, and on a tie prefers what the client lists first.
 */
export function preferredMediaType<T extends string>(accept: string | undefined, offered: readonly [T, ...T[]]): T {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = accept.split(',').map(parseRange);
  let best: { type: T; quality: number } | undefined;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > (best?.quality ?? 0)) best = { type, quality };
  }
  if (best !== undefined) return best.type;
  throw new HttpError(406, `no media type that ${quote(accept, 200)} accepts is offered`, {
    hint: `Accept ${offered.join(' or ')}.`,
  });
}

/** Reports whether an Accept header prefers a media type to another. */
export function prefersMediaType(accept: string | undefined, type: string, other: string): boolean {
  const ranges = (accept ?? '').split(',').map(parseRange);
  return qualityOf(type, ranges) > qualityOf(other, ranges);
}

interface Range {
  readonly type: string;
  readonly quality: number;
}

function parseRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { type, quality: quality === undefined ? 1 : Number(quality) || 0 };
}

/** Returns the quality of the most specific range that matches, or 0. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  for (const pattern of [type, `${type.split('/')[0]}/*`, '*/*']) {
    const range = ranges.find((candidate) => candidate.type === pattern);
    if (range !== undefined) return range.quality;
  }
  return 0;
}
