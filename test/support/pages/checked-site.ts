import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { CatalogProfile } from '#lib/catalog/entry';
import { FairleadError } from '#lib/errors';
import { createServiceServer } from '#lib/http/service-server';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { loadReferenceDefault } from '#lib/profile/seccomp/call-counts';
import { memoryRepository } from '#lib/registry/memory';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { ReadTarget, Target } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { Rule } from '#lib/trust/policy/policy';
import { checkedPages } from '#services/pull/pages/checked-pages';
import { CheckedProfiles } from '#services/pull/pages/checks/checked-profiles';
import { pages } from '#services/pull/pages/pages';
import { memoryCatalog } from './memory-catalog.ts';

const state = {
  reference: 'registry.example.com/security/catalog:latest',
  built: '2026-11-28T22:10:00Z',
  verified: true,
};

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
  readonly #repositories = new Map<string, Target>();
  readonly #app: FastifyInstance;

  private constructor(app: FastifyInstance) {
    this.#app = app;
  }

  /** Starts the service on a free port. */
  static async start(): Promise<CheckedSite> {
    const options = { name: 'pages', description: 'Pages', version: '0.1.0', bodyLimit: 65_536, timeout: 30_000 };
    let site: CheckedSite | undefined;
    const current = (): CheckedSite => {
      if (site === undefined) throw new Error('the site has not started');
      return site;
    };
    const app = await createServiceServer(
      { ...options, logger: pino({ level: 'silent' }) },
      (service, { signalOf, turns }) => {
        const policy = {
          get current() {
            return current().policy;
          },
        };
        const connect = (reference: Reference): ReadTarget => current().connect(reference);
        const checks = new CheckedProfiles({ policy, connect });
        const baseline = loadReferenceDefault();
        const dependencies = {
          version: '0.1.0',
          catalog: () => memoryCatalog(current().profiles, [state]),
          policy,
          readers: { areAnonymous: true },
          verificationOf: checks.verificationOf.bind(checks),
          checks,
          connect,
          baseline: () => baseline,
          signalOf,
          turns,
        };
        void service.register(pages, dependencies);
        void service.register(checkedPages, dependencies);
      },
    );
    site = new CheckedSite(app);
    await app.listen({ host: '127.0.0.1', port: 0 });
    return site;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#app.server.address() as AddressInfo).port}`;
  }

  /** Makes other rules the policy in force. */
  allow(...rules: readonly Rule[]): void {
    this.policy = {
      ...this.policy,
      rules,
      revision: `${Number(this.policy.revision.slice(0, 8)) + 1}`.padStart(64, '0'),
    };
  }

  /** Returns a repository to publish in. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>): Target {
    const name = formatRepository(reference);
    const found = this.#repositories.get(name) ?? memoryRepository();
    this.#repositories.set(name, found);
    return found;
  }

  connect(reference: Reference): ReadTarget {
    this.requests += 1;
    if (!this.down.has(reference.registry)) return this.repository(reference);
    throw new FairleadError('Unavailable', `${reference.registry} does not answer: connect ETIMEDOUT 192.0.2.17:443`);
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}
