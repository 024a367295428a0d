import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import type { LocalPaths } from '#lib/http/local-paths';
import { createServiceServer, type ServiceTls } from '#lib/http/service-server';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import { policyPaths } from '../policy-paths.ts';
import { PublicationMetrics } from './publication-metrics.ts';
import { type PublishRouteDependencies, publishRoute } from './publish-route.ts';
import { publishTogetherRoute } from './publish-together-route.ts';
import { Publishers, type PublishersDependencies } from './publishers.ts';

export interface PushServerOptions
  extends Omit<PublishRouteDependencies, 'publishers'>,
    Omit<PublishersDependencies, 'metrics'> {
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  readonly policy: Pick<PolicySource, 'current' | 'inForce'>;
  /** Observes the requests: called with the server before it has routes. */
  readonly observe?: ((app: FastifyInstance) => void) | undefined;
  /** The certificate of the service; without it, the service serves plain HTTP. */
  readonly tls?: ServiceTls | undefined;
  /**
   * Files and directories of this machine that errors may name besides those of the policy, hidden
   * from callers.
   */
  readonly localPaths?: LocalPaths;
  /** Milliseconds for one request. */
  readonly timeout?: number;
}

/**
 * Makes the push service: `POST /v1/profiles?reference=…` publishes the profile in the body, and
 * `POST /v1/publications` several profiles.
 */
export function createPushServer(options: PushServerOptions): Promise<FastifyInstance> {
  const { version, logger, policy, connect, signer, signatureFormat, localPaths, timeout = 30_000 } = options;
  const metricsRegistry = new Registry();
  const { authorization } = options;
  const inForce = authorization.inForce === undefined ? undefined : () => authorization.inForce ?? false;
  const metrics = new PublicationMetrics(metricsRegistry, inForce);
  const service = {
    name: 'fairlead-push',
    description: 'Publishes security profiles as signed OCI artifacts.',
    version,
    logger,
    // The policy in force may set a lower one, and another tomorrow.
    bodyLimit: maxArtifactBytes,
    timeout,
    tls: options.tls,
    observe: options.observe,
    policyInForce: () => policy.inForce,
    policyMissing: () => policy.current.missing ?? false,
    localPaths: () => ({ ...policyPaths(policy.current), ...localPaths }),
    metricsRegistry,
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
  } as const;
  return createServiceServer(service, (app, dependencies) => {
    const publishers = new Publishers({ ...options, metrics });
    const needed = { ...dependencies, publishers, policy, connect, signer, signatureFormat };
    void app.register(publishRoute, needed);
    void app.register(publishTogetherRoute, needed);
  });
}
