import * as v from 'valibot';
import { type ErrorKind, errorMapping, FairleadError } from '#lib/errors';
import type { AskService, ServiceAnswer } from '#lib/network/service-client';
import { type Digest, isDigest } from '#lib/registry/digest';
import { formatReference } from '#lib/registry/reference';
import type { PublishRequest } from '#services/push/publication';

/** A profile for a push service. */
export interface SentProfile {
  readonly request: Pick<PublishRequest, 'reference' | 'title' | 'failOn' | 'overwrite'>;
  readonly bytes: Uint8Array;
  /** A Sigstore bundle for it; without one, the service signs. */
  readonly bundle?: Uint8Array | undefined;
}

/** How a push service is asked. */
export interface PushServiceDependencies {
  readonly url: URL;
  readonly token: string;
  /** The audience of the token, for hints. */
  readonly audience: string;
  readonly send: AskService;
}

const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value));
const plannedSchema = v.object({
  digest,
  change: v.picklist(['created', 'moved', 'unchanged']),
  alreadySigned: v.boolean(),
});
const publishedSchema = v.object({ digest, signature: v.nullable(digest), alreadySigned: v.boolean() });
const problemSchema = v.object({
  kind: v.picklist(Object.keys(errorMapping) as ErrorKind[]),
  detail: v.string(),
  hint: v.optional(v.string()),
});

/** What a push service would do with a profile. */
export type PlannedByService = v.InferOutput<typeof plannedSchema>;
/** What it has done. */
export type PublishedByService = v.InferOutput<typeof publishedSchema>;

/** A push service of Fairlead, as its callers see it. */
export class PushService {
  readonly #dependencies: PushServiceDependencies;

  constructor(dependencies: PushServiceDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Returns what the service would do with each profile, also before it is signed (`signedLater`).
   * Nothing is published. Throws what the service reports, Unavailable if it does not answer, and
   * InvalidInput if its answer is not one of a push service.
   */
  plan(profiles: readonly SentProfile[], signedLater: boolean): Promise<readonly PlannedByService[]> {
    return this.#post(profiles, plannedSchema, signedLater ? '?dryRun=unsigned' : '?dryRun=true');
  }

  /** Publishes all profiles, or none. Throws as plan. */
  publish(profiles: readonly SentProfile[]): Promise<readonly PublishedByService[]> {
    return this.#post(profiles, publishedSchema, '');
  }

  async #post<T>(
    profiles: readonly SentProfile[],
    schema: v.GenericSchema<unknown, T>,
    query: string,
  ): Promise<readonly T[]> {
    const { url, token, send } = this.#dependencies;
    const form = new Response(formOf(profiles));
    const answer = await send({
      method: 'POST',
      url: `${url.href.replace(/\/$/, '')}/v1/publications${query}`,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        'content-type': form.headers.get('content-type') ?? '',
      },
      body: new Uint8Array(await form.arrayBuffer()),
    });
    if (answer.status >= 300) throw this.#problem(answer);
    const read = v.safeParse(v.object({ publications: v.array(schema) }), jsonOf(answer));
    if (read.success && read.output.publications.length === profiles.length) return read.output.publications;
    throw this.#foreign(answer);
  }

  #problem(answer: ServiceAnswer): FairleadError {
    const { url, audience } = this.#dependencies;
    const read = v.safeParse(problemSchema, jsonOf(answer));
    if (!read.success) return this.#foreign(answer);
    const { kind, detail, hint } = read.output;
    const [summary = '', ...details] = detail.split(/\n\s*/);
    const ownHint = `The token must be for the audience of the service, and is for ${audience}: use --service-audience.`;
    const shownHint = kind === 'Unauthenticated' ? ownHint : hint;
    return new FairleadError(kind, `${url.host}: ${summary}`, { details, ...(shownHint && { hint: shownHint }) });
  }

  #foreign({ status }: ServiceAnswer): FairleadError {
    const { url } = this.#dependencies;
    if (status >= 500) return new FairleadError('Unavailable', `${url.origin} answered ${status}`);
    return new FairleadError('InvalidInput', `${url.href} is not a push service: it answered ${status}`, {
      hint: 'Use --service with the URL that `fairlead serve --push` is reached at, without /v1.',
    });
  }
}

function formOf(profiles: readonly SentProfile[]): FormData {
  const form = new FormData();
  for (const { request, bytes, bundle } of profiles) {
    const { reference, title, failOn, overwrite = true } = request;
    form.append('reference', formatReference(reference));
    if (title !== undefined) form.append('title', title);
    if (failOn !== undefined) form.append('failOn', failOn);
    if (!overwrite) form.append('overwrite', 'false');
    if (bundle !== undefined) form.append('bundle', new Blob([Uint8Array.from(bundle)]), 'bundle.json');
    form.append('profile', new Blob([Uint8Array.from(bytes)]), 'profile.json');
  }
  return form;
}

function jsonOf({ body }: ServiceAnswer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
