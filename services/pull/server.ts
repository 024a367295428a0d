import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { LocalPaths } from '#lib/http/local-paths';
import { createServiceServer, type ServiceTls } from '#lib/http/service-server';
import { loadReferenceDefault } from '#lib/profile/seccomp/call-counts';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget, TagLister } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { defaultAuthorization } from '../callers/authorization.ts';
import { anonymous } from '../callers/caller.ts';
import { policyPaths } from '../policy-paths.ts';
import { apiRoutes } from './api/api-routes.ts';
import { Catalogs, type FollowedCatalogs } from './catalogs.ts';
import { mirrorRoutes } from './mirror/mirror-routes.ts';
import { checkedPages } from './pages/checked-pages.ts';
import { pages } from './pages/pages.ts';
import { Readers, type ReadersOptions } from './readers/readers.ts';
import { VerifiedProfiles, type VerifiedProfilesDependencies } from './verified/verified-profiles.ts';

export interface PullServerOptions extends Omit<VerifiedProfilesDependencies, 'turns' | 'connect'> {
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  readonly policy: Pick<PolicySource, 'current' | 'inForce'>;
  /** Observes the requests: called with the server before it has routes. */
  readonly observe?: ((app: FastifyInstance) => void) | undefined;
  /** The certificate of the service; without it, the service serves plain HTTP. */
  readonly tls?: ServiceTls | undefined;
  readonly connect: (reference: Reference) => ReadTarget & TagLister;
  /** The catalogs that are searched and mirrored; none by default. */
  readonly catalogs?: FollowedCatalogs | undefined;
  /** Who may read what the policy allows; by default all callers. */
  readonly readers?: ReadersOptions | undefined;
  /** Milliseconds for one request. */
  readonly timeout?: number;
  /**
   * Files and directories of this machine that errors may name besides those of the policy, hidden
   * from callers.
   */
  readonly localPaths?: LocalPaths;
}

const openToAll: ReadersOptions = {
  authenticator: { authenticate: async () => anonymous },
  authorization: { current: defaultAuthorization },
};

/**
 * Creates the server of the pull service: the API at `/v1/`, the read-only registry of what the
 * policy allows at `/v2/`, and the web pages at `/`.
 */
export function createPullServer(options: PullServerOptions): Promise<FastifyInstance> {
  const { version, logger, policy, connect, decisions, localPaths, timeout = 30_000 } = options;
  const catalogs = options.catalogs ?? new Catalogs([], { policy, connect, log: logger });
  const hidden = (): LocalPaths => ({ ...policyPaths(policy.current), ...localPaths });
  const service = {
    name: 'fairlead-pull',
    description: 'Serves security profiles that a trust policy allows.',
    version,
    logger,
    bodyLimit: 1024,
    timeout,
    tls: options.tls,
    observe: options.observe,
    policyInForce: () => policy.inForce,
    policyMissing: () => policy.current.missing ?? false,
    localPaths: hidden,
    isReady: () => catalogs.wereTried,
    details: () => catalogs.details,
  };
  return createServiceServer(service, (app, dependencies) => {
    const readers = new Readers(options.readers ?? openToAll);
    const profiles = new VerifiedProfiles({ policy, connect, decisions, turns: dependencies.turns });
    let loaded: ReturnType<typeof loadReferenceDefault> | undefined;
    const baseline = () => (loaded ??= loadReferenceDefault());
    const shared = { ...dependencies, profiles, readers, policy, catalogs, baseline, localPaths: hidden };
    void app.register(apiRoutes, shared);
    void app.register(mirrorRoutes, { ...shared, connect });
    const site = { ...shared, version };
    void app.register(pages, site);
    void app.register(checkedPages, site);
  });
}
