import type { FastifyRequest } from 'fastify';
import { type FairleadError, shownMessage, toFairleadError } from '#lib/errors';
import { LineLog } from '#lib/files/line-log';
import { formatReference, type Reference } from '#lib/registry/reference';
import type { Authorization } from '../callers/authorization.ts';
import type { Caller } from '../callers/caller.ts';
import type { PublicationPlan, Published } from './publication.ts';
import { isUnchanged } from './publish-many.ts';

/** Most characters of a reason: callers without credentials can cause entries. */
const longestReason = 4096;

/** What an audit log works with. */
export interface AuditLogDependencies {
  readonly now: () => Date;
  /** Called with a line that could not be written. The publication holds all the same. */
  readonly onError: (error: FairleadError, record: object) => void;
}

/** Who asked for something, and from where. */
export interface AuditedRequest {
  readonly request: Pick<FastifyRequest, 'id' | 'ip'>;
  readonly caller: Caller;
  /** Its rules name the claims that are recorded. */
  readonly authorization: Authorization;
}

/** A file with every publication and refusal, each as one line of JSON. It contains no tokens. */
export class AuditLog {
  readonly #lines: LineLog;
  readonly #now: () => Date;

  /** Opens nothing: use {@link openAuditLog}. */
  constructor(path: string, { now, onError }: AuditLogDependencies) {
    this.#lines = new LineLog(path, { name: 'audit log', onError });
    this.#now = now;
  }

  /** Records that a profile was published, or was there already. */
  async published(asked: AuditedRequest, published: Published): Promise<void> {
    const { signature, tags } = published;
    const outcome = isUnchanged(published) ? 'unchanged' : 'published';
    await this.#write(outcome, asked, { ...describe(published), tags: tags.map(({ tag }) => tag), signature });
  }

  /** Records that someone asked what publishing a profile would do. */
  async planned(asked: AuditedRequest, plan: PublicationPlan): Promise<void> {
    await this.#write('planned', asked, describe(plan));
  }

  /** Records that publishing was refused, or failed. */
  async refused(asked: AuditedRequest, reference: Reference | undefined, thrown: unknown): Promise<void> {
    const error = toFairleadError(thrown);
    await this.#write('refused', asked, {
      ...(reference && { reference: formatReference(reference) }),
      error: error.kind,
      reason: shownMessage(error).slice(0, longestReason),
    });
  }

  /** Appends nothing, and creates the file if it does not exist. Throws InvalidInput. */
  check(): Promise<void> {
    return this.#lines.check();
  }

  #write(outcome: string, { request, caller, authorization }: AuditedRequest, record: object): Promise<void> {
    const time = this.#now().toISOString();
    const from = { caller: callerOf(caller, authorization), address: request.ip, request: request.id };
    return this.#lines.write({ time, outcome, ...from, ...record });
  }
}

/**
 * Opens an audit log: a file, which is created if it does not exist, or a pipe that has a reader.
 * Throws InvalidInput if it cannot be written.
 */
export async function openAuditLog(path: string, dependencies: AuditLogDependencies): Promise<AuditLog> {
  const log = new AuditLog(path, dependencies);
  await log.check();
  return log;
}

function describe({ reference, profile: { kind } }: PublicationPlan): object {
  return { reference: formatReference(reference), kind, digest: reference.digest };
}

/** Returns a caller with those of its claims that a rule for its issuer names. */
function callerOf(caller: Caller, { rules }: Authorization): object {
  if (caller.method !== 'oidc') return { method: caller.method };
  const { method, issuer, subject, claims } = caller;
  const named = rules.flatMap(({ callers }) =>
    callers.who === 'identity' && callers.issuer === issuer ? Object.keys(callers.claims) : [],
  );
  const relevant = Object.entries(claims).filter(([name]) => named.includes(name));
  return { method, issuer, subject, claims: Object.fromEntries(relevant) };
}
