import { Readable } from 'node:stream';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { FairleadError, toFairleadError } from '#lib/errors';
import { answerFailure, convertObjects } from './convert-objects.ts';
import { parseConversionReview } from './convert-review.ts';
import { maxConversionBytes } from './request-limits.ts';

/** The path of conversions. */
export const conversionPath = '/convert';

/**
 * A plugin that converts objects to another version: ConversionReview in, ConversionReview out. If
 * one object of a list cannot be converted, the answer is a failure that names it.
 */
export async function convertRoute(app: FastifyInstance, { log }: { readonly log: FastifyBaseLogger }): Promise<void> {
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body);
  app.post<{ readonly Body: Buffer | undefined }>(
    conversionPath,
    { bodyLimit: maxConversionBytes },
    async ({ body }, reply) => {
      if (body === undefined) throw new FairleadError('InvalidInput', 'the request has no body');
      const review = parseConversionReview(body);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort(new FairleadError('Unavailable', 'the client has gone')));
      void reply.type('application/json');
      try {
        const parts = await convertObjects(review, gone.signal);
        log.debug(
          { uid: review.uid, objects: review.objects.length, to: review.desiredAPIVersion },
          'objects converted',
        );
        // Without a length, by which a client would know the end before the stream has ended.
        return reply.send(parts.length === 1 ? parts[0] : Readable.from(parts));
      } catch (thrown) {
        const error = toFairleadError(thrown);
        log.warn({ uid: review.uid, err: error }, 'objects not converted');
        return reply.send(answerFailure(review.uid, error));
      }
    },
  );
}
