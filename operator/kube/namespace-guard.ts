import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import * as v from 'valibot';
import { FairleadError, toFairleadError } from '#lib/errors';
import { parseAnswer } from '#lib/kube/answer';
import { retryAfterOf } from '#lib/kube/api-error';
import type { ApiServer } from '#lib/kube/api-server';
import { atLeast, type Backoff, backoffDelay } from '#lib/kube/backoff';
import { foreignName, type Namespace, nameLabel, namespaceSchema } from './namespace.ts';

const labelled = `/api/v1/namespaces?labelSelector=${encodeURIComponent(nameLabel)}`;
const metadataOnly = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1`;
/** Short, since no pod is admitted until the namespaces are read again. */
const backoff: Backoff = { initialMs: 1000, maxMs: 5000 };
/** For the same reason, the API server is left alone for no longer, whatever it wants. */
const longestRetryMs = 10_000;
/** Milliseconds that a watch must have lasted for the next watch to start immediately. */
const lastingMs = 10_000;
/**
 * Seconds after which the API server ends a watch. A little later we do, in case its end is lost.
 */
const watchSeconds = 240;

const listSchema = v.object({
  metadata: v.object({ resourceVersion: v.string(), continue: v.optional(v.string(), '') }),
  // Go writes an empty list as null.
  items: v.nullable(v.array(namespaceSchema), []),
});
const eventSchema = v.variant('type', [
  v.object({ type: v.picklist(['ADDED', 'MODIFIED', 'DELETED']), object: namespaceSchema }),
  /** For example, that the version is too old to continue from. */
  v.object({ type: v.literal('ERROR'), object: v.object({ message: v.string() }) }),
]);
const versionSchema = v.object({ major: v.string(), minor: v.string() });

type State =
  | { readonly kind: 'unknown'; readonly cause: FairleadError }
  /** The API server sets the label itself. */
  | { readonly kind: 'guaranteed' }
  /** The labels of the namespaces that have another's name. */
  | { readonly kind: 'followed'; readonly misnamed: Map<string, string>; readonly resourceVersion: string };

/**
 * Verifies that no namespace has the name of another in the label `kubernetes.io/metadata.name`, by
 * which the webhooks exclude namespaces. Before Kubernetes 1.22 it is a label like any other: the
 * pods of such a namespace would escape every binding.
 */
export class NamespaceGuard {
  readonly #api: ApiServer;
  readonly #log: FastifyBaseLogger;
  readonly #stopped = new AbortController();
  #state: State = { kind: 'unknown', cause: new FairleadError('Unavailable', 'the namespaces are not checked yet') };

  private constructor(api: ApiServer, log: FastifyBaseLogger) {
    this.#api = api;
    this.#log = log;
  }

  /**
   * Checks all namespaces now, and again whenever one changes. If the API server is unreachable,
   * retries, and {@link check} throws meanwhile.
   */
  static async start(api: ApiServer, log: FastifyBaseLogger): Promise<NamespaceGuard> {
    const guard = new NamespaceGuard(api, log);
    await guard.#read();
    void guard.#follow();
    return guard;
  }

  /**
   * Throws NotAllowed if a namespace has the name of another, or the reason why that is unknown.
   */
  check(): void {
    if (this.#state.kind === 'unknown') throw this.#state.cause;
    if (this.#state.kind === 'guaranteed') return;
    for (const [name, label] of this.#state.misnamed) {
      throw new FairleadError(
        'NotAllowed',
        `namespace ${JSON.stringify(name)} has the name of another in its label ${nameLabel}=${label}, by which ` +
          'the webhooks exclude namespaces',
        { hint: `Correct it with: kubectl label --overwrite namespace ${name} ${nameLabel}=${name}` },
      );
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    for (let failures = 0; !signal.aborted && this.#state.kind !== 'guaranteed'; ) {
      const begunAt = performance.now();
      if (this.#state.kind === 'followed') await this.#watch(this.#state);
      const hasLasted = performance.now() - begunAt >= lastingMs;
      failures = hasLasted ? 0 : failures + 1;
      await this.#wait(failures);
      if (!signal.aborted) await this.#read();
    }
  }

  /** Waits if the namespaces could not be read, or a watch has ended too soon. */
  async #wait(failures: number): Promise<void> {
    if (failures === 0) return;
    const delay = backoffDelay(backoff, failures);
    // While the state is `followed`, what is known becomes older.
    const wanted = this.#state.kind === 'unknown' ? retryAfterOf(this.#state.cause) : undefined;
    const waitMs = atLeast(wanted && Math.min(wanted, longestRetryMs), delay);
    await sleep(waitMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  async #read(): Promise<void> {
    try {
      if (await this.#setsLabel()) {
        this.#state = { kind: 'guaranteed' };
        return;
      }
      const misnamed = new Map<string, string>();
      let token = '';
      let resourceVersion = '';
      do {
        const path = `${labelled}&limit=500${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`;
        const question = { path, title: 'list the Namespaces', accept: metadataOnly('PartialObjectMetadataList') };
        const { metadata, items } = parse(listSchema, await this.#api.get(question), question.title);
        for (const item of items) this.#note(misnamed, item);
        token = metadata.continue;
        ({ resourceVersion } = metadata);
      } while (token !== '');
      this.#state = { kind: 'followed', misnamed, resourceVersion };
    } catch (thrown) {
      const cause = toFairleadError(thrown);
      this.#state = { kind: 'unknown', cause };
      this.#log.error({ err: cause }, 'namespaces cannot be checked; no pod is admitted until they are');
    }
  }

  /**
   * Reports whether the API server sets the label of each namespace itself: always since Kubernetes
   * 1.22.
   */
  async #setsLabel(): Promise<boolean> {
    const question = { path: '/version', title: "read the API server's version" };
    const { major, minor } = parse(versionSchema, await this.#api.get(question), question.title);
    // Some distributions write `20+`.
    return Number.parseInt(major, 10) > 1 || Number.parseInt(minor, 10) >= 22;
  }

  /** Applies changes until the watch ends, for whatever reason: then everything is read again. */
  async #watch({ misnamed, resourceVersion }: Extract<State, { kind: 'followed' }>): Promise<void> {
    const path = `${labelled}&watch=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(resourceVersion)}`;
    const question = { path, title: 'watch the Namespaces', accept: metadataOnly('PartialObjectMetadata') };
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout((watchSeconds + 10) * 1000)]);
    const take = (line: string): void => {
      const event = parse(eventSchema, line, question.title);
      if (event.type === 'ERROR') throw new FairleadError('Conflict', event.object.message);
      // This watch reports a namespace that has lost its label as deleted.
      if (event.type === 'DELETED') misnamed.delete(event.object.name);
      else this.#note(misnamed, event.object);
    };
    try {
      await this.#api.watch(question, take, signal);
    } catch (thrown) {
      if (!signal.aborted) this.#log.info({ err: toFairleadError(thrown) }, 'the namespaces are read again');
    }
  }

  #note(misnamed: Map<string, string>, namespace: Namespace): void {
    const { name } = namespace;
    const foreign = foreignName(namespace);
    if (foreign === undefined) {
      misnamed.delete(name);
      return;
    }
    misnamed.set(name, foreign);
    this.#log.error(
      { namespace: name, [nameLabel]: foreign },
      'a namespace has the name of another; no pod is admitted',
    );
  }
}

function parse<T extends v.GenericSchema>(schema: T, json: string, title: string): v.InferOutput<T> {
  const parsed = v.safeParse(schema, parseAnswer(json, title));
  if (parsed.success) return parsed.output;
  throw new FairleadError('Unavailable', `cannot ${title}: unexpected answer: ${v.summarize(parsed.issues)}`);
}
