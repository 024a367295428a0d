import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { LocalPaths } from '#lib/http/local-paths';
import { createServiceServer, type ServiceTls } from '#lib/http/service-server';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { policyPaths } from '../policy-paths.ts';
import { fetchRoute } from './api/fetch-route.ts';
import { anonymousReaders, type Readers } from './verified/readers.ts';
import { VerifiedProfiles, type VerifiedProfilesDependencies } from './verified/verified-profiles.ts';

export interface PullServerOptions extends Omit<VerifiedProfilesDependencies, 'turns'> {
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  readonly policy: Pick<PolicySource, 'current' | 'inForce'>;
  /** Observes the requests: called with the server before it has routes. */
  readonly observe?: ((app: FastifyInstance) => void) | undefined;
  /** The certificate of the service; without it, the service speaks plain HTTP. */
  readonly tls?: ServiceTls | undefined;
  /** Who may read what; by default all callers may read what the policy allows. */
  readonly readers?: Readers | undefined;
  /** Milliseconds for one request. */
  readonly timeout?: number;
  /**
   * Files and directories of this machine that errors may name besides those of the policy, hidden
   * from callers.
   */
  readonly localPaths?: LocalPaths;
}

/** Makes the pull service: `GET /v1/profiles?reference=…` answers with the verified profile. */
export function createPullServer(options: PullServerOptions): Promise<FastifyInstance> {
  const {
    version,
    logger,
    policy,
    connect,
    decisions,
    localPaths,
    timeout = 30_000,
    readers = anonymousReaders,
  } = options;
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
    localPaths: () => ({ ...policyPaths(policy.current), ...localPaths }),
  };
  return createServiceServer(service, (app, dependencies) => {
    const profiles = new VerifiedProfiles({ policy, connect, decisions, turns: dependencies.turns });
    void app.register(fetchRoute, { ...dependencies, profiles, readers });
  });
}
