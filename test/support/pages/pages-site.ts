import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { CatalogProfile } from '#lib/catalog/entry';
import { createServiceServer } from '#lib/http/service-server';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { CatalogView } from '#services/pull/pages/catalog-view';
import { pages } from '#services/pull/pages/pages';
import { memoryCatalog } from './memory-catalog.ts';
import { someProfiles } from './profiles.ts';

const policy: TrustPolicy = { source: 'policy.yaml', rules: [], revision: 'af48b792'.repeat(8) };
const state = {
  reference: 'registry.example.com/security/catalog:latest',
  built: '2026-11-28T22:10:00Z',
  verified: true,
};

/** Pages about profiles that a test sets. */
export class PagesSite {
  catalog: CatalogView = memoryCatalog(someProfiles, [state]);
  readonly app: FastifyInstance;

  private constructor(app: FastifyInstance) {
    this.app = app;
  }

  /** Starts a service that has only the pages, on a free port. */
  static async start(): Promise<PagesSite> {
    const options = { name: 'pages', description: 'Pages', version: '0.1.0', bodyLimit: 1024 * 1024, timeout: 30_000 };
    let site: PagesSite | undefined;
    const app = await createServiceServer({ ...options, logger: pino({ level: 'silent' }) }, (service, { turns }) => {
      void service.register(pages, {
        version: '0.1.0',
        catalog: () => site?.catalog ?? memoryCatalog([]),
        policy: { current: policy },
        verificationOf: () => undefined,
        turns,
      });
    });
    site = new PagesSite(app);
    await app.listen({ host: '127.0.0.1', port: 0 });
    return site;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.app.server.address() as AddressInfo).port}`;
  }

  show(profiles: readonly CatalogProfile[]): void {
    this.catalog = memoryCatalog(profiles, [state]);
  }
}
