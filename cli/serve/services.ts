import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { FairleadError } from '#lib/errors';
import { Drain } from '#lib/http/drain';
import { type ListenAddress, listen } from '#lib/http/listen-address';
import type { ServiceTls } from '#lib/http/service-server';
import type { DecisionLog } from '#lib/node/pull/decision-log';
import type { Reference } from '#lib/registry/reference';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import type { Catalogs } from '#services/pull/catalogs';
import type { AuditLog } from '#services/push/audit-log';
import type { Connect } from '../options/connect.ts';
import type { Callers } from './callers.ts';

/** Milliseconds for clients to end their connections, after those for new ones. */
const drainMs = 30_000;

/** What the push service needs. */
export interface PushOptions {
  readonly address: ListenAddress;
  /** The token that all callers share, if there is one. */
  readonly token: string | undefined;
  readonly signer: Signer | undefined;
  readonly signatureFormat: SignatureFormat;
  /** File to which publications and refusals are appended. */
  readonly auditLog: string | undefined;
  /** Profiles that one caller may publish in a minute. */
  readonly rateLimit: number;
  /** Observes the requests: called with the server before it has routes. */
  readonly observe?: ((app: FastifyInstance) => void) | undefined;
}

/** What the pull service needs. */
export interface PullOptions {
  readonly address: ListenAddress;
  /** File to which decisions are appended. */
  readonly decisionLog: string | undefined;
  /** The token that callers may present, if there is one. */
  readonly token?: string | undefined;
  /** References of the catalogs to follow. */
  readonly catalogs?: readonly Reference[] | undefined;
}

/** What all services need. */
export interface ServicesDependencies {
  readonly version: string;
  readonly policy: PolicySource;
  readonly callers: Callers;
  readonly connect: Connect;
  /** The certificate of push and pull service; without it, they serve plain HTTP. */
  readonly tls: ServiceTls | undefined;
  readonly logger: Logger;
  /** Observes the requests of push and pull service. */
  readonly observe: ((app: FastifyInstance) => void) | undefined;
  /** Paths of this machine that errors may contain, and the words that callers get instead. */
  readonly localPaths: Readonly<Record<string, string>>;
}

interface Server {
  readonly app: FastifyInstance;
  readonly address: ListenAddress;
}

/** The push service, the pull service and the health endpoints of one process. */
export class Services {
  readonly #dependencies: ServicesDependencies;
  readonly #drains: Drain[] = [];
  readonly #servers = new Map<'push' | 'pull' | 'health', Server>();

  #catalogs: Catalogs | undefined;

  constructor(dependencies: ServicesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Adds the push service. Throws InvalidInput if the audit log cannot be opened. */
  async addPush({ address, token, auditLog, rateLimit: perMinute, observe, ...options }: PushOptions): Promise<void> {
    const [{ createPushServer }, { Authenticator }, { RateLimit }] = await Promise.all([
      import('#services/push/server'),
      import('#services/callers/authenticator'),
      import('#services/callers/rate-limit'),
    ]);
    const { logger: parent, callers, ...dependencies } = this.#dependencies;
    const { authorization } = callers;
    const authenticator = new Authenticator({ ...callers, token });
    const logger = parent.child({ service: 'push' });
    const audit = auditLog === undefined ? undefined : await openAudit(auditLog, logger);
    const rateLimit = new RateLimit({ perMinute, now: () => performance.now() });
    const publishers = { authorization, authenticator, audit, rateLimit };
    const observeBoth = (server: FastifyInstance): void => {
      this.#observe(server);
      observe?.(server);
    };
    const app = await createPushServer({ ...dependencies, ...options, ...publishers, logger, observe: observeBoth });
    this.#servers.set('push', { app, address });
  }

  /** Adds the pull service. Throws InvalidInput if the decision log cannot be opened. */
  async addPull({ address, decisionLog, token, catalogs: followed = [] }: PullOptions): Promise<void> {
    const [{ createPullServer }, { Catalogs }, { Authenticator }] = await Promise.all([
      import('#services/pull/server'),
      import('#services/pull/catalogs'),
      import('#services/callers/authenticator'),
    ]);
    const { logger: parent, callers, ...dependencies } = this.#dependencies;
    const logger = parent.child({ service: 'pull' });
    const decisions = decisionLog === undefined ? undefined : await openDecisions(decisionLog, logger);
    const { authorization } = callers;
    const readers = { authorization, authenticator: new Authenticator({ ...callers, token, basic: true }) };
    const catalogs = new Catalogs(followed, { ...dependencies, log: logger });
    this.#catalogs = catalogs;
    const app = await createPullServer({
      ...dependencies,
      logger,
      decisions,
      readers,
      catalogs,
      observe: this.#observe,
    });
    void catalogs.start();
    this.#servers.set('pull', { app, address });
  }

  /** Adds the health endpoints. */
  async addHealth(address: ListenAddress): Promise<void> {
    const { createHealthServer } = await import('#lib/http/health-server');
    const { version, policy, logger } = this.#dependencies;
    const app = await createHealthServer({
      version,
      logger: logger.child({ service: 'health' }),
      observe: (server) => void this.#drains.push(new Drain(server)),
      policyInForce: () => policy.inForce,
      policyMissing: () => policy.current.missing ?? false,
      isReady: () => this.#catalogs?.wereTried ?? true,
      details: () => this.#catalogs?.details ?? {},
    });
    this.#servers.set('health', { app, address });
  }

  /** Has the pull service read its catalogs again. */
  async readCatalogs(): Promise<void> {
    await this.#catalogs?.read();
  }

  /** Listens for requests. Throws Unavailable if an address cannot be used. */
  async listen(): Promise<void> {
    for (const { app, address } of this.#servers.values()) await listen(app, address);
  }

  /** Returns the URL of a service that listens, and undefined if it was not added. */
  urlOf(service: 'push' | 'pull'): string | undefined {
    return this.#servers.get(service)?.app.listeningOrigin;
  }

  /** Prepares a server that has no routes yet. */
  readonly #observe = (app: FastifyInstance): void => {
    this.#drains.push(new Drain(app));
    this.#dependencies.observe?.(app);
  };

  /**
   * Makes the services not ready, and serves new connections for at least some milliseconds: load
   * balancers send them until they have noticed. Then waits for clients to end their connections.
   */
  async drain(atLeast: number): Promise<void> {
    const times = { atLeast, atMost: atLeast + drainMs };
    const left = await Promise.all(this.#drains.map((drain) => drain.run(times)));
    const connections = left.reduce((sum, count) => sum + count, 0);
    if (connections > 0) this.#dependencies.logger.warn({ connections }, 'connections are left');
  }

  /** Stops following the files, and all services, after the requests that run. */
  async stop(): Promise<void> {
    this.#catalogs?.stop();
    this.#dependencies.policy.stop();
    this.#dependencies.callers.authorization.stop?.();
    await Promise.all([...this.#servers.values()].map(({ app }) => app.close()));
  }
}

async function openAudit(file: string, logger: Logger): Promise<AuditLog> {
  const { openAuditLog } = await import('#services/push/audit-log');
  const onError = ({ message, cause }: FairleadError, record: object): void =>
    logger.error({ messageId: 'fairlead.audit-log.broken', err: cause, record }, message);
  return openAuditLog(file, { now: () => new Date(), onError });
}

async function openDecisions(file: string, logger: Logger): Promise<DecisionLog> {
  const { openDecisionLog } = await import('#lib/node/pull/decision-log');
  const onError = ({ message, cause }: FairleadError, decision: object): void =>
    logger.error({ messageId: 'fairlead.decision-log.broken', err: cause, decision }, message);
  return openDecisionLog(file, { now: () => new Date(), onError });
}
