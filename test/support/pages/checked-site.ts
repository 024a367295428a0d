import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { CatalogProfile } from '#lib/catalog/entry';
import { CatalogSearch } from '#lib/catalog/search';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { memoryRepository } from '#lib/registry/memory';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { Rule } from '#lib/trust/policy/policy';
import { createPullServer } from '#services/pull/server';
import { catalogState } from './pages-site.ts';

/** A service with all pages, whose registries are in memory. */
export class CheckedSite {
  profiles: readonly CatalogProfile[] = [];
  /** Registries that do not answer. */
  readonly down = new Set<string>();
  /** How many requests the registries got. */
  requests = 0;
  policy: Policy = {
    source: 'policy.yaml',
    rules: [],
    baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
    limits: defaultPublicationLimits,
    revision: 'af48b792'.repeat(8),
  };
  #revision = 0;
  readonly #repositories = new Map<string, Repository>();
  readonly app: FastifyInstance;

  private constructor(app: FastifyInstance) {
    this.app = app;
  }

  /** Starts the service on a free port. */
  static async start(): Promise<CheckedSite> {
    let site: CheckedSite | undefined;
    const current = (): CheckedSite => {
      if (site === undefined) throw new Error('the site has not started');
      return site;
    };
    const app = await createPullServer({
      version: '0.1.0',
      localPaths: { '/var/lib/fairlead/registry': 'the registry' },
      logger: pino({ level: 'silent' }),
      policy: {
        get current() {
          return current().policy;
        },
        inForce: true,
      },
      connect: (reference) => current().connect(reference),
      catalogs: {
        current: () => new CatalogSearch(current().profiles.flatMap(({ versions }) => versions)),
        references: [],
        states: [catalogState],
        wereTried: true,
        details: {},
      },
    });
    site = new CheckedSite(app);
    await app.listen({ host: '127.0.0.1', port: 0 });
    return site;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.app.server.address() as AddressInfo).port}`;
  }

  /** Makes other rules the policy in force. */
  allow(...rules: readonly Rule[]): void {
    this.#revision += 1;
    this.policy = { ...this.policy, rules, revision: `${this.#revision}`.padStart(64, '0') };
  }

  /** Returns a repository to publish in. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>): Repository {
    const name = formatRepository(reference);
    const found = this.#repositories.get(name) ?? memoryRepository();
    this.#repositories.set(name, found);
    return found;
  }

  connect(reference: Reference): Repository {
    this.requests += 1;
    if (!this.down.has(reference.registry)) return this.repository(reference);
    throw new FairleadError('Unavailable', `${reference.registry} does not answer: connect ETIMEDOUT 192.0.2.17:443`);
  }

  close(): Promise<undefined> {
    return this.app.close();
  }
}
