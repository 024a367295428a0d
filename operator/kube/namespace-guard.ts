import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import * as v from 'valibot';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { ApiServer } from '#lib/kube/api-server';
import { foreignName, type Namespace, nameLabel, namespaceSchema } from './namespace.ts';

const labelled = `/api/v1/namespaces?labelSelector=${encodeURIComponent(nameLabel)}`;
const metadataOnly = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1`;
const retryMs = 1000;
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
   * Checks all namespaces now, and again whenever one changes. Throws NotAllowed if one has the
   * name of another. If the API server is unreachable, retries, and {@link check} throws meanwhile.
   */
  static async start(api: ApiServer, log: FastifyBaseLogger): Promise<NamespaceGuard> {
    const guard = new NamespaceGuard(api, log);
    await guard.#read();
    if (guard.#state.kind !== 'unknown') guard.check();
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
    while (!signal.aborted && this.#state.kind !== 'guaranteed') {
      if (this.#state.kind === 'followed') await this.#watch(this.#state);
      else await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.#read();
    }
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
        const { metadata, items } = parse(listSchema, await this.#api.get(question));
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
    const { major, minor } = parse(versionSchema, await this.#api.get(question));
    // Some distributions write `20+`.
    return Number.parseInt(major, 10) > 1 || Number.parseInt(minor, 10) >= 22;
  }

  /** Applies changes until the watch ends, for whatever reason: then everything is read again. */
  async #watch({ misnamed, resourceVersion }: Extract<State, { kind: 'followed' }>): Promise<void> {
    const path = `${labelled}&watch=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(resourceVersion)}`;
    const question = { path, title: 'watch the Namespaces', accept: metadataOnly('PartialObjectMetadata') };
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout((watchSeconds + 10) * 1000)]);
    const take = (line: string): void => {
      const event = parse(eventSchema, line);
      if (event.type === 'ERROR') throw new FairleadError('Conflict', event.object.message);
      // A namespace that has lost its label counts as deleted for this watch.
      if (event.type === 'DELETED') misnamed.delete(event.object.name);
      else this.#note(misnamed, event.object);
    };
    try {
      await this.#api.watch(question, take, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      this.#log.info({ err: toFairleadError(thrown) }, 'the namespaces are read again');
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
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

function parse<T extends v.GenericSchema>(schema: T, json: string): v.InferOutput<T> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the answer of the API server is not valid JSON', { cause });
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw new FairleadError('InvalidInput', `unexpected answer of the API server: ${v.summarize(parsed.issues)}`);
}
