import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { CatalogProfile } from '#lib/catalog/entry';
import { CatalogSearch } from '#lib/catalog/search';
import { FairleadError } from '#lib/errors';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parsePinned } from '#lib/registry/pinned-reference';
import type { Policy } from '#lib/trust/policy/node-policy';
import { type Authorization, defaultAuthorization } from '#services/callers/authorization';
import { anonymous } from '#services/callers/caller';
import { createPullServer } from '#services/pull/server';

const policy: Policy = {
  source: 'policy.yaml',
  rules: [],
  baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
  limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
  revision: 'af48b792'.repeat(8),
};
const digest = digestOf(new Uint8Array());
/** A catalog that was read and verified. */
export const catalogState = {
  reference: 'registry.example.com/security/catalog:latest',
  catalog: {
    reference: parsePinned(`registry.example.com/security/catalog@${digest}`),
    descriptor: { mediaType: mediaTypes.index, digest, size: 1 },
    built: '2026-11-28T22:10:00Z',
    verification: { rule: '**', unsigned: false, signatures: [] },
    shards: [],
  },
  problem: undefined,
};

/** A pull service on a free port, with profiles that a test sets and no registry. */
export class PagesSite {
  readonly app: FastifyInstance;
  /** Who may read. */
  readonly authorization: { current: Authorization };
  readonly #shown: { search: CatalogSearch };

  private constructor(
    app: FastifyInstance,
    shown: { search: CatalogSearch },
    authorization: { current: Authorization },
  ) {
    this.app = app;
    this.authorization = authorization;
    this.#shown = shown;
  }

  static async start(profiles: readonly CatalogProfile[] = []): Promise<PagesSite> {
    const shown = { search: new CatalogSearch([]) };
    const authorization = { current: defaultAuthorization };
    const app = await createPullServer({
      version: '0.1.0',
      logger: pino({ level: 'silent' }),
      policy: { current: policy, inForce: true },
      connect: () => {
        throw new FairleadError('Unavailable', 'no registry');
      },
      catalogs: { current: () => shown.search, references: [], states: [catalogState], wereTried: true, details: {} },
      readers: { authenticator: { authenticate: async () => anonymous }, authorization },
    });
    const site = new PagesSite(app, shown, authorization);
    site.show(profiles);
    await app.listen({ host: '127.0.0.1', port: 0 });
    return site;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.app.server.address() as AddressInfo).port}`;
  }

  /** Shows these profiles from now on. */
  show(profiles: readonly CatalogProfile[]): void {
    this.#shown.search = new CatalogSearch(profiles.flatMap(({ versions }) => versions));
  }

  close(): Promise<undefined> {
    return this.app.close();
  }
}
