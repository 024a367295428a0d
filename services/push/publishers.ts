import type { FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { parseReference, type Reference } from '#lib/registry/reference';
import type { Authenticator } from '../callers/authenticator.ts';
import { type Authorization, authorizeAnywhere, authorizeCaller } from '../callers/authorization.ts';
import type { RateLimit } from '../callers/rate-limit.ts';
import { RequestCallers } from '../callers/request-callers.ts';
import type { AuditedRequest, AuditLog } from './audit-log.ts';
import type { PublicationPlan, Published } from './publication.ts';
import type { PublicationMetrics } from './publication-metrics.ts';
import { PartlyPublished } from './publish-together.ts';

/** What finding out about those who publish needs. */
export interface PublishersDependencies {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** Who may publish what. */
  readonly authorization: { readonly current: Authorization; readonly inForce?: boolean };
  readonly metrics: PublicationMetrics;
  /** Limits the publications of each caller; unlimited without it. */
  readonly rateLimit?: RateLimit | undefined;
  /** Where publications and refusals are recorded. */
  readonly audit?: Pick<AuditLog, 'published' | 'planned' | 'refused'> | undefined;
}

/** Those who publish: who they are, what they may publish and how often, and what is recorded. */
export class Publishers {
  readonly #dependencies: PublishersDependencies;
  readonly #callers: RequestCallers;
  /** The references of requests whose bodies have them. */
  readonly #references = new WeakMap<FastifyRequest, readonly Reference[]>();

  constructor(dependencies: PublishersDependencies) {
    this.#dependencies = dependencies;
    this.#callers = new RequestCallers(dependencies.authenticator);
  }

  /**
   * Admits a request before its body is read. Throws Unauthenticated, NotAllowed if the caller may
   * publish nothing, and LimitExceeded if it publishes too often.
   */
  async admit(request: FastifyRequest): Promise<void> {
    const { authorization, rateLimit } = this.#dependencies;
    const caller = await this.#callers.identify(request);
    authorizeAnywhere(authorization.current, caller, 'publish');
    rateLimit?.take(caller, 1);
  }

  /** Counts the profiles of a request, of which one is counted. Throws LimitExceeded. */
  count(request: FastifyRequest, references: readonly Reference[]): void {
    this.#references.set(request, references);
    const more = { taken: 1, amount: references.length - 1 };
    if (more.amount > 0) this.#dependencies.rateLimit?.takeMore(this.#callers.of(request), more);
  }

  /** Returns a function that refuses a kind that the caller may not publish there (NotAllowed). */
  authorize(request: FastifyRequest, reference: Reference): (kind: RuntimeKind) => void {
    const { authorization } = this.#dependencies;
    const caller = this.#callers.of(request);
    return (kind) => authorizeCaller(authorization.current, caller, { verb: 'publish', reference, kind });
  }

  /** Records profiles that were published. */
  async recordPublished(request: FastifyRequest, published: readonly Published[]): Promise<void> {
    this.#dependencies.metrics.count('published', published.length);
    for (const each of published) await this.#dependencies.audit?.published(this.#audited(request), each);
  }

  /** Records profiles that would be published. */
  async recordPlanned(request: FastifyRequest, plans: readonly PublicationPlan[]): Promise<void> {
    this.#dependencies.metrics.count('planned', plans.length);
    for (const each of plans) await this.#dependencies.audit?.planned(this.#audited(request), each);
  }

  /**
   * Records a request that was refused, or failed, and what was published of it all the same.
   */
  async recordRefused(request: FastifyRequest, thrown: unknown): Promise<void> {
    if (thrown instanceof PartlyPublished) {
      await this.recordPublished(request, thrown.published);
      this.#dependencies.metrics.count('refused', thrown.failed.length);
      for (const { reference, error } of thrown.failed) {
        await this.#dependencies.audit?.refused(this.#audited(request), reference, error);
      }
      return;
    }
    const references = this.#references.get(request) ?? [queriedReference(request)];
    this.#dependencies.metrics.count('refused', references.length);
    for (const each of references) await this.#dependencies.audit?.refused(this.#audited(request), each, thrown);
  }

  #audited(request: FastifyRequest): AuditedRequest {
    return { request, caller: this.#callers.of(request), authorization: this.#dependencies.authorization.current };
  }
}

/** Returns the reference in the query of a request; undefined if it is missing or invalid. */
function queriedReference({ query }: FastifyRequest): Reference | undefined {
  const text: unknown = Reflect.get(Object(query), 'reference');
  if (typeof text !== 'string' || text.length > 512) return undefined;
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}
