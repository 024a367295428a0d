import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { FairleadError } from '#lib/errors';
import { type ListenAddress, listen, parseListenAddress } from '#lib/http/listen-address';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import { prepareEmbeddedDirectory } from '../embedded/embedded-directory.ts';
import { embeddedGreeting } from '../embedded/embedded-greeting.ts';
import { readText } from '../files/files.ts';
import { type Connect, openRegistries } from '../options/connect.ts';
import {
  addRegistryOptions,
  addSignatureFormatOption,
  addSignerOptions,
  examples,
  type RegistryOptions,
} from '../options/options.ts';
import { type KeyOptions, startSigner } from '../options/signer.ts';
import { becomeLean } from '../process/lean-process.ts';
import { openLog } from '../process/log.ts';
import { onReload, stopSignal } from '../process/stop-signal.ts';
import { packageVersion } from '../process/version.ts';

interface ServeOptions extends RegistryOptions, KeyOptions {
  readonly unsigned?: boolean;
  readonly signatureFormat: SignatureFormat;
  readonly push?: ListenAddress;
  readonly pull?: ListenAddress;
  readonly health?: ListenAddress;
  readonly embedded?: string;
  readonly policy?: string;
  readonly tokenFile?: string;
  readonly decisionLog?: string;
}

/** Below this a token can be guessed. */
const minTokenLength = 16;

/** `fairlead serve`. */
export function define(command: Command): void {
  command
    .description(
      'Run the push service, the pull service, or both. They keep nothing: the registry is their database. ' +
        'Logs go to stdout, one JSON object a line. SIGHUP reads the policy again, SIGTERM lets running requests end.',
    )
    .option('--push <host:port>', 'publish profiles here: POST /v1/profiles', parseAddress)
    .option('--pull <host:port>', 'serve verified profiles here: GET /v1/profiles', parseAddress)
    .option(
      '--health <host:port>',
      'answer probes here too: /healthz, /readyz, /metrics, past all callers',
      parseAddress,
    )
    .option('--embedded <folder>', 'keep registry, key, policy and token in this folder, made at the first start')
    .option('--policy <file>', 'trust policy: what may be published and served')
    .option('--token-file <file>', 'what callers of the push service must present; else FAIRLEAD_PUSH_TOKEN');
  command.option('--decision-log <file>', 'append every decision about a pull here, one JSON object a line');
  addSignatureFormatOption(addSignerOptions(command));
  addRegistryOptions(command).addHelpText(
    'after',
    examples([
      [
        'both, on this machine, with nothing else',
        'fairlead serve --embedded ./fairlead-data --push 127.0.0.1:8080 --pull 127.0.0.1:8081',
      ],
      [
        'publish to it',
        'curl --fail-with-body -H "Authorization: Bearer $(cat fairlead-data/token)" -H "Content-Type: application/json" \\\n' +
          '    --data-binary @nginx.json "http://127.0.0.1:8080/v1/profiles?reference=localhost/security/nginx:1.27"',
      ],
      ['fetch from it', 'curl "http://127.0.0.1:8081/v1/profiles?reference=localhost/security/nginx:1.27"'],
      [
        'in front of real registries',
        'fairlead serve --push 0.0.0.0:8080 --policy policy.yaml --key fairlead.key --token-file token',
      ],
    ]),
  );
  command.action(serve);
}

async function serve(given: ServeOptions): Promise<void> {
  becomeLean();
  const reloadBy = onReload();
  const options = withWholePaths(await withEmbeddedDirectory(given));
  if (options.push === undefined && options.pull === undefined) {
    throw new FairleadError('InvalidInput', 'nothing to serve', {
      hint: 'Give --push HOST:PORT, --pull HOST:PORT or both.',
    });
  }
  if (options.policy === undefined) {
    throw new FairleadError('InvalidInput', 'no trust policy', { hint: 'Give --policy FILE, or --embedded FOLDER.' });
  }
  const [{ followPolicy }, logger] = await Promise.all([
    import('#lib/trust/policy/follow-policy'),
    openLog('fairlead'),
  ]);
  const connect = await openRegistries(options, process.env);
  await loadEarly();
  const policy = await followPolicy(options.policy, { log: logger });
  const servers = [
    options.push && { address: options.push, app: await pushServer(options, { policy, connect, logger }) },
    options.pull && { address: options.pull, app: await pullServer(options, { policy, connect, logger }) },
    options.health && { address: options.health, app: await healthServer({ policy, logger }) },
  ].filter((server) => server !== undefined);
  const stopped = stopSignal();
  reloadBy(policy.reload);
  try {
    for (const { app, address } of servers) await listen(app, address);
    if (given.embedded !== undefined) {
      const [push, pull] = [options.push, options.pull].map(
        (address) => address && servers.find((each) => each.address === address)?.app.listeningOrigin,
      );
      process.stderr.write(embeddedGreeting({ folder: given.embedded, given, push, pull }));
    }
    await stopped;
    logger.info('stopping: running requests end first');
  } finally {
    policy.stop();
    await Promise.all(servers.map(({ app }) => app.close()));
  }
}

/**
 * Loads what the first pull needs and commands load late: to load it holds up all callers for tens
 * of milliseconds.
 */
async function loadEarly(): Promise<void> {
  const [{ sigstoreBundle }] = await Promise.all([
    import('#lib/trust/signature/sigstore-bundle'),
    import('#lib/network/undici'),
  ]);
  sigstoreBundle();
}

interface Surroundings {
  readonly policy: PolicySource;
  readonly connect: Connect;
  readonly logger: Logger;
}

async function pushServer(options: ServeOptions, { policy, connect, logger }: Surroundings): Promise<FastifyInstance> {
  const signer = await (await startSigner(options, process.env))?.signer;
  const token = await findToken(options.tokenFile, process.env);
  const { createPushServer } = await import('#services/push/server');
  return createPushServer({
    version: packageVersion(),
    logger: logger.child({ service: 'push' }),
    token,
    policy,
    connect,
    signer,
    signatureFormat: options.signatureFormat,
    localPaths: localPaths(options),
  });
}

async function healthServer({ policy, logger }: Omit<Surroundings, 'connect'>): Promise<FastifyInstance> {
  const { createHealthServer } = await import('#lib/http/health-server');
  return createHealthServer({
    version: packageVersion(),
    logger: logger.child({ service: 'health' }),
    policyInForce: () => policy.inForce,
    policyMissing: () => policy.current.missing ?? false,
  });
}

async function pullServer(
  options: ServeOptions,
  { policy, connect, logger: parent }: Surroundings,
): Promise<FastifyInstance> {
  const logger = parent.child({ service: 'pull' });
  const [{ createPullServer }, { openDecisionLog }] = await Promise.all([
    import('#services/pull/server'),
    import('#lib/node/pull/decision-log'),
  ]);
  const onError = ({ message, cause }: FairleadError, decision: object): void =>
    logger.error({ messageId: 'fairlead.decision-log.broken', err: cause, decision }, message);
  const { decisionLog } = options;
  const decisions =
    decisionLog === undefined ? undefined : await openDecisionLog(decisionLog, { now: () => new Date(), onError });
  return createPullServer({
    version: packageVersion(),
    logger,
    policy,
    connect,
    decisions,
    localPaths: localPaths(options),
  });
}

/** What errors may name of this machine. */
function localPaths({ embedded, ociLayout }: ServeOptions): Readonly<Record<string, string>> {
  const folders = [embedded, ociLayout].filter((folder) => folder !== undefined);
  return Object.fromEntries(folders.map((folder) => [folder, 'the registry']));
}

/**
 * Names the policy and the folders in full: so they are found in the text of an error, to be told
 * by another name. Of a bare `policy.yaml` nobody could say whether it is the file.
 */
function withWholePaths(options: ServeOptions): ServeOptions {
  const { policy, embedded, ociLayout } = options;
  return {
    ...options,
    ...(policy !== undefined && { policy: resolve(policy) }),
    ...(embedded !== undefined && { embedded: resolve(embedded) }),
    ...(ociLayout !== undefined && { ociLayout: resolve(ociLayout) }),
  };
}

/** What the folder holds stands in for the options that were not given. */
async function withEmbeddedDirectory(options: ServeOptions): Promise<ServeOptions> {
  if (options.embedded === undefined) return options;
  const { key, policy, tokenFile, ociLayout } = await prepareEmbeddedDirectory(options.embedded);
  return { ...(options.unsigned ? {} : { key }), policy, tokenFile, ociLayout, ...options };
}

async function findToken(file: string | undefined, env: NodeJS.ProcessEnv): Promise<string> {
  const token = file === undefined ? env['FAIRLEAD_PUSH_TOKEN'] : (await readText(file)).trim();
  const source = file ?? 'FAIRLEAD_PUSH_TOKEN';
  if (token === undefined) {
    throw new FairleadError('InvalidInput', 'the push service has no token', {
      hint: 'Give --token-file FILE, or FAIRLEAD_PUSH_TOKEN in the environment.',
    });
  }
  if (token.length < minTokenLength || /[^\x21-\x7e]/.test(token)) {
    throw new FairleadError('InvalidInput', `${source}: a token has at least ${minTokenLength} printable characters`, {
      hint: 'Make one with: openssl rand -hex 32',
    });
  }
  return token;
}

function parseAddress(text: string): ListenAddress {
  try {
    return parseListenAddress(text);
  } catch {
    throw new InvalidArgumentError('Write it as HOST:PORT, or [IPv6]:PORT.');
  }
}
