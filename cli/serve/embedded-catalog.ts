import type { FastifyInstance } from 'fastify';
import { buildCatalog } from '#lib/catalog/build-catalog';
import { sizeOfCatalog } from '#lib/catalog/group-entries';
import { shownMessage, toFairleadError } from '#lib/errors';
import { parseReference, type Reference } from '#lib/registry/reference';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Signer } from '#lib/trust/sign/signer';
import type { Connect } from '../options/connect.ts';
import { embeddedRepositories } from './embedded-repositories.ts';

/** The registry that references to an embedded directory name. */
const registry = 'localhost';

/** What the catalog of an embedded registry is built with. */
export interface EmbeddedCatalogDependencies {
  /** The OCI layout directory of `connect`. */
  readonly ociLayout: string;
  readonly connect: Connect;
  readonly signer: Signer | undefined;
  readonly policy: Pick<PolicySource, 'current'>;
  readonly log: Record<'info' | 'warn', (record: object, message: string) => void>;
  /** Called after each build that changed the catalog. */
  readonly onChange: () => Promise<void>;
}

/** The catalog of all profiles in an embedded registry, which follows what is published. */
export class EmbeddedCatalog {
  /** Where it is. */
  readonly reference: Reference = parseReference(`${registry}/catalog:latest`);
  readonly #dependencies: EmbeddedCatalogDependencies;
  readonly #ended = new AbortController();
  #running: Promise<void> | undefined;
  #isOutdated = false;

  constructor(dependencies: EmbeddedCatalogDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Builds the catalog; resolves when it has everything that was published before the call. If it
   * cannot be built, logs why, and the one before stays.
   */
  build(): Promise<void> {
    this.#isOutdated = true;
    this.#running ??= this.#buildWhileOutdated();
    return this.#running;
  }

  /** Has the catalog built after each publication by a push service. */
  readonly follow = (app: FastifyInstance): void => {
    app.addHook('onResponse', async ({ method }, { statusCode }) => {
      if (method === 'POST' && statusCode < 300) void this.build();
    });
  };

  /** Stops, after the build that runs. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #buildWhileOutdated(): Promise<void> {
    while (this.#isOutdated && !this.#ended.signal.aborted) {
      this.#isOutdated = false;
      await this.#buildOnce();
    }
    this.#running = undefined;
  }

  async #buildOnce(): Promise<void> {
    const { ociLayout, connect, signer, policy, log, onChange } = this.#dependencies;
    const sources = { registries: [registry], prefixes: [], repositories: [], images: [] };
    try {
      const built = await buildCatalog(
        { reference: this.reference, sources },
        {
          policy: policy.current,
          signer,
          connect,
          listRepositories: async function* () {
            for (const name of await embeddedRepositories(ociLayout))
              if (name.startsWith(`${registry}/`)) yield name.slice(registry.length + 1);
          },
          clock: () => new Date(),
        },
      );
      if (!built.isChanged) return;
      const size = sizeOfCatalog(built.entries);
      log.info({ messageId: 'fairlead.catalog.built', digest: built.reference.digest, ...size }, 'catalog built');
      await onChange();
    } catch (thrown) {
      const error = toFairleadError(thrown);
      log.warn({ messageId: 'fairlead.catalog.not-built', err: error }, `no new catalog: ${shownMessage(error)}`);
    }
  }
}
