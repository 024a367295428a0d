import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { FairleadError } from '#lib/errors';
import { type ListenAddress, parseListenAddress } from '#lib/http/listen-address';
import { proxyFromEnvironment } from '#lib/network/proxy';
import { parseReference } from '#lib/registry/reference';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import { openRegistries } from '../options/connect.ts';
import {
  addConnectionOptions,
  addSignatureFormatOption,
  addSignerOptions,
  examples,
  type RegistryOptions,
  serviceKeyOption,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { shutdownDelayOption } from '../options/shutdown-delay.ts';
import { type KeyOptions, startSigner } from '../options/signer.ts';
import { stayLean } from '../process/lean-process.ts';
import { openLog } from '../process/log.ts';
import { onReload, stopSignal } from '../process/stop-signal.ts';
import { packageVersion } from '../process/version.ts';
import { openCallers } from '../serve/callers.ts';
import { openCertificate } from '../serve/certificate.ts';
import type { EmbeddedCatalog } from '../serve/embedded-catalog.ts';
import { prepareEmbeddedDirectory } from '../serve/embedded-directory.ts';
import { embeddedGreeting } from '../serve/embedded-greeting.ts';
import { openTelemetry } from '../serve/open-telemetry.ts';
import { readPushToken } from '../serve/push-token.ts';
import { Services } from '../serve/services.ts';

interface ServeOptions extends RegistryOptions, KeyOptions {
  readonly unsigned?: boolean;
  readonly signatureFormat: SignatureFormat;
  readonly push?: ListenAddress;
  readonly pull?: ListenAddress;
  readonly health?: ListenAddress;
  readonly embedded?: string;
  readonly seed?: string;
  readonly policy?: string;
  readonly tokenFile?: string;
  readonly authorization?: string;
  readonly audience?: string;
  readonly auditLog?: string;
  readonly rateLimit: number;
  readonly decisionLog?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly shutdownDelay: number;
  readonly catalog?: readonly string[];
}

/** `fairlead serve`. */
export function define(command: Command): void {
  command
    .description(
      'Run the push service, the pull service, or both. They keep no state: the registry is their database. Logs go to ' +
        'stdout, one JSON object per line. SIGHUP reloads the policy, the authorization file and the TLS certificate; SIGTERM waits for running requests and stops.',
    )
    .option('--push <host:port>', 'address of the push service: POST /v1/profiles', parseAddress)
    .option('--pull <host:port>', 'address of the pull service: GET /v1/profiles', parseAddress)
    .option(
      '--health <host:port>',
      'address for probes only: /healthz, /readyz, /metrics, not delayed by other callers',
      parseAddress,
    )
    .option(
      '--embedded <directory>',
      'keep registry, key, policy and token in this directory, which is created at the first start',
    )
    .option('--seed <file>', 'publish the profiles of this fairlead.yaml in an embedded directory that has none yet')
    .option('--policy <file>', 'trust policy: what may be published and pulled')
    .option('--token-file <file>', 'bearer token that the push service requires (default: FAIRLEAD_PUSH_TOKEN)')
    .option(
      '--authorization <file>',
      'who may publish and read what, by OIDC token, by the bearer token or anonymously',
    )
    .option('--audience <text>', 'what OIDC tokens must be issued for, such as the URL of the service')
    .option('--audit-log <file>', 'append each publication and each refusal to this file, one JSON object per line')
    .option('--rate-limit <profiles>', 'profiles that one caller may publish in a minute', parseRate, 300);
  command.option(
    '--catalog <reference...>',
    'catalog that the pull service searches and mirrors, read again every minute',
  );
  command.option('--decision-log <file>', 'append each decision about a pull to this file, one JSON object per line');
  command
    .option('--tls-cert <file>', 'PEM certificate of push and pull service; reloaded when it is replaced')
    .option('--tls-key <file>', 'PEM private key of the certificate')
    .addOption(shutdownDelayOption());
  addSignatureFormatOption(addSignerOptions(command, serviceKeyOption()));
  addConnectionOptions(command).addHelpText(
    'after',
    examples([
      [
        'run both services on this machine, without a registry',
        'fairlead serve --embedded ./fairlead-data --push 127.0.0.1:8080 --pull 127.0.0.1:8081',
      ],
      [
        'publish a profile',
        'curl --fail-with-body -H "Authorization: Bearer $(cat fairlead-data/token)" -H "Content-Type: application/json" \\\n' +
          '    --data-binary @nginx.json "http://127.0.0.1:8080/v1/profiles?reference=localhost/security/nginx:1.27"',
      ],
      ['fetch a profile', 'curl "http://127.0.0.1:8081/v1/profiles?reference=localhost/security/nginx:1.27"'],
      [
        'run the push service for other registries',
        'fairlead serve --push 0.0.0.0:8080 --policy policy.yaml --key fairlead.key --token-file token',
      ],
    ]),
  );
  command.action(serve);
}

async function serve(given: ServeOptions): Promise<void> {
  stayLean();
  const reloadBy = onReload();
  const options = withAbsolutePaths(await withEmbeddedDirectory(given));
  const services = await openServices(options);
  const stopped = stopSignal();
  services.certificate?.start();
  reloadBy(() => services.reload());
  try {
    await startServices(services, options);
    if (given.embedded !== undefined) {
      const [push, pull] = [services.running.urlOf('push'), services.running.urlOf('pull')];
      process.stderr.write(
        embeddedGreeting({ directory: given.embedded, given, isSeeded: given.seed !== undefined, push, pull }),
      );
    }
    await stopped;
    services.logger.info('stopping after the running requests');
    if (given.shutdownDelay > 0) await services.running.drain(given.shutdownDelay * 1000);
  } finally {
    services.certificate?.stop();
    await services.running.stop();
    await services.catalog?.stop();
    await services.telemetry?.stop();
  }
}

/** Throws InvalidInput for an option without the one that it belongs to. */
function refuseWithoutEffect({ seed, embedded, catalog, decisionLog, pull, auditLog, push }: ServeOptions): void {
  for (const [option, value, needed, isGiven] of [
    ['--seed', seed, '--embedded', embedded],
    ['--catalog', catalog, '--pull', pull],
    ['--decision-log', decisionLog, '--pull', pull],
    ['--audit-log', auditLog, '--push', push],
  ] as const) {
    if (value !== undefined && isGiven === undefined) {
      throw new FairleadError('InvalidInput', `${option} has no effect without ${needed}`);
    }
  }
}

type OpenedServices = Awaited<ReturnType<typeof openServices>>;

async function openServices(options: ServeOptions) {
  if (options.push === undefined && options.pull === undefined) {
    throw new FairleadError('InvalidInput', 'no service to run', {
      hint: 'Use --push HOST:PORT, --pull HOST:PORT or both.',
    });
  }
  refuseWithoutEffect(options);
  if (options.policy === undefined) {
    throw new FairleadError('InvalidInput', 'no trust policy', {
      hint: 'Use --policy FILE or --embedded DIRECTORY.',
    });
  }
  const [{ followPolicy }, { loadHttpClient }, logger] = await Promise.all([
    import('#lib/trust/policy/follow-policy'),
    import('#lib/network/agents'),
    openLog('fairlead'),
  ]);
  const connect = await openRegistries(options, process.env);
  await loadHttpClient(); // the first callers would all wait for it
  const policy = await followPolicy(options.policy, { log: logger });
  const callers = await openCallers(
    { file: options.authorization, audience: options.audience, network: { proxy: proxyFromEnvironment(process.env) } },
    logger,
  );
  const version = packageVersion();
  const certificate = await openCertificate(options, logger);
  const telemetry = await openTelemetry(process.env, { version, log: logger });
  const [tls, observe] = [certificate?.tls, telemetry?.observe];
  const dependencies = { version, policy, callers, connect, logger, tls, observe, localPaths: localPaths(options) };
  const running = new Services(dependencies);
  const reload = async (): Promise<void> => {
    await Promise.all([policy.reload(), callers.authorization.reload?.(), certificate?.reload()]);
  };
  const opened = { running, connect, policy, certificate, telemetry, reload, logger };
  return { ...opened, signer: await openSigner(options), catalog: undefined as EmbeddedCatalog | undefined };
}

async function startServices(services: OpenedServices, options: ServeOptions): Promise<void> {
  const { push, pull, health, signatureFormat, decisionLog, auditLog, rateLimit } = options;
  const { running, signer } = services;
  const needsToken = push !== undefined || options.authorization !== undefined;
  const token = needsToken ? await readPushToken(options, process.env) : undefined;
  if (options.embedded !== undefined) services.catalog = await openCatalog(services, options);
  if (push !== undefined) {
    const observe = services.catalog?.follow;
    await running.addPush({ address: push, token, signer, signatureFormat, auditLog, rateLimit, observe });
  }
  if (pull !== undefined) {
    const followed = options.catalog?.map((text) => parseReference(withoutScheme(text))) ?? [];
    const catalogs = services.catalog === undefined ? followed : [services.catalog.reference, ...followed];
    await running.addPull({ address: pull, decisionLog, token, catalogs });
  }
  if (health !== undefined) await running.addHealth(health);
  await running.listen();
}

/** Opens what signs publications, and the catalog of an embedded directory. */
async function openSigner(options: ServeOptions): Promise<Signer | undefined> {
  if (options.push === undefined && options.embedded === undefined) return undefined;
  return (await startSigner(options, process.env))?.signer;
}

/** Publishes what an embedded directory is to have at first, and builds its catalog. */
async function openCatalog(
  { running, connect, signer, policy, logger: log }: OpenedServices,
  { ociLayout, seed }: ServeOptions,
): Promise<EmbeddedCatalog | undefined> {
  if (ociLayout === undefined) return undefined;
  const dependencies = { ociLayout, connect, signer, policy };
  if (seed !== undefined) {
    const { seedProfiles } = await import('../serve/seed-profiles.ts');
    await seedProfiles(seed, dependencies);
  }
  const { EmbeddedCatalog } = await import('../serve/embedded-catalog.ts');
  const catalog = new EmbeddedCatalog({ ...dependencies, log, onChange: () => running.readCatalogs() });
  await catalog.build();
  return catalog;
}

/** Returns the paths of this machine that errors may contain, and what callers are told instead. */
function localPaths({ embedded, ociLayout, authorization }: ServeOptions): Readonly<Record<string, string>> {
  const directories = [embedded, ociLayout].filter((directory) => directory !== undefined);
  return {
    ...Object.fromEntries(directories.map((directory) => [directory, 'the registry'])),
    ...(authorization !== undefined && { [authorization]: 'the authorization file' }),
  };
}

/**
 * Makes the paths of the policy and the directories absolute, so that they can be found in the text
 * of an error and replaced. A bare `policy.yaml` could be any word.
 */
function withAbsolutePaths(options: ServeOptions): ServeOptions {
  const { policy, embedded, ociLayout, authorization } = options;
  return {
    ...options,
    ...(policy !== undefined && { policy: resolve(policy) }),
    ...(authorization !== undefined && { authorization: resolve(authorization) }),
    ...(embedded !== undefined && { embedded: resolve(embedded) }),
    ...(ociLayout !== undefined && { ociLayout: resolve(ociLayout) }),
  };
}

/** Sets the options that were not given to the files of the embedded directory. */
async function withEmbeddedDirectory(options: ServeOptions): Promise<ServeOptions> {
  if (options.embedded === undefined) return options;
  const { key, policy, tokenFile, ociLayout } = await prepareEmbeddedDirectory(options.embedded);
  return { ...(options.unsigned ? {} : { key }), policy, tokenFile, ociLayout, ...options };
}

function parseRate(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new InvalidArgumentError('Want a number from 1 to 999999.');
  return Number(text);
}

function parseAddress(text: string): ListenAddress {
  try {
    return parseListenAddress(text);
  } catch {
    throw new InvalidArgumentError('Want HOST:PORT or [IPv6]:PORT.');
  }
}
