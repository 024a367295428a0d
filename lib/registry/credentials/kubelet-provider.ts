import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { type Env, runProgram } from '#lib/programs/run-program';
import { registryName, registryNames } from '../registry-name.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { closestPattern, matchesImage } from './image-pattern.ts';

const configVersion = 'kubelet.config.k8s.io/v1';
const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';

/** A Go duration as Kubernetes writes it, such as `12h` or `1h30m0s`. */
const duration = v.pipe(v.string(), v.regex(/^(?:[0-9]+(?:\.[0-9]+)?(?:h|m|s|ms))+$|^0$/, 'invalid duration'));

const configSchema = v.object({
  apiVersion: v.literal(configVersion),
  kind: v.literal('CredentialProviderConfig'),
  providers: v.array(
    v.object({
      name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]+$/, 'invalid name of a program'), v.notValues(['.', '..'])),
      apiVersion: v.literal(apiVersion),
      matchImages: v.pipe(v.array(v.string()), v.minLength(1)),
      defaultCacheDuration: duration,
      args: v.optional(v.array(v.string()), []),
      env: v.optional(v.array(v.object({ name: v.string(), value: v.string() })), []),
      tokenAttributes: v.exactOptional(v.object({ requireServiceAccount: v.optional(v.boolean(), false) })),
    }),
  ),
});

const answerSchema = v.object({
  apiVersion: v.literal(apiVersion),
  kind: v.literal('CredentialProviderResponse'),
  cacheKeyType: v.picklist(['Image', 'Registry', 'Global']),
  cacheDuration: v.exactOptional(duration),
  auth: v.nullish(
    v.record(v.string(), v.object({ username: v.optional(v.string(), ''), password: v.optional(v.string(), '') })),
    {},
  ),
});

type Auth = Readonly<Record<string, { readonly username: string; readonly password: string }>>;

/**
 * Finds credentials by the kubelet's credential providers (Kubernetes, "Configure a kubelet image
 * credential provider", API v1): the first provider whose `matchImages` match the repository and
 * that returns an entry for it is used; answers are cached as long as they specify. `config` is the
 * text of a CredentialProviderConfig, `file` its name for errors, `programs` the directory of the
 * providers, `clock` milliseconds that only increase. Rejects with InvalidInput for an invalid
 * config, or one that names a program that cannot be run. The source rejects with Unauthenticated
 * if a provider fails, without its output, or if it requires a service account, which only the
 * kubelet knows.
 */
export async function kubeletProviderCredentials(
  config: string,
  options: { readonly file: string; readonly programs: string; readonly env: Env; readonly clock: () => number },
): Promise<CredentialSource> {
  const { providers } = await parseConfig(config, options.file);
  await Promise.all(providers.map(({ name }) => checkProgram(join(options.programs, name), options.file)));
  const known = new KubeletProviders(providers, options);
  return (repository) => known.find(repository);
}

type Provider = v.InferOutput<typeof configSchema>['providers'][number];

/** The providers of one configuration, and their answers as long as these are valid. */
class KubeletProviders {
  readonly #providers: readonly Provider[];
  readonly #options: { readonly programs: string; readonly env: Env; readonly clock: () => number };
  readonly #answers = new Map<string, { readonly auth: Auth; readonly until: number }>();

  constructor(
    providers: readonly Provider[],
    options: { readonly programs: string; readonly env: Env; readonly clock: () => number },
  ) {
    this.#providers = providers;
    this.#options = options;
  }

  /** Returns the credentials of the first provider that has some for the repository. */
  async find({ registry, repository }: Parameters<CredentialSource>[0]): Promise<Credentials | undefined> {
    const images = registryNames(registry).map((name) => `${name}/${repository}`);
    for (const provider of this.#providers) {
      const image = images.find((each) => provider.matchImages.some((pattern) => matchesImage(pattern, each)));
      if (image === undefined) continue;
      const found = closest(await this.#ask(provider, image, registryName(registry)), image);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #ask(provider: Provider, image: string, registry: string): Promise<Auth> {
    const { programs, env, clock } = this.#options;
    const keys = {
      Image: `${provider.name} Image ${image}`,
      Registry: `${provider.name} Registry ${registry}`,
      Global: `${provider.name} Global`,
    };
    const known = Object.values(keys)
      .map((key) => this.#answers.get(key))
      .find((entry) => entry !== undefined && entry.until > clock());
    if (known !== undefined) return known.auth;
    if (provider.tokenAttributes?.requireServiceAccount === true) throw needsServiceAccount(provider.name, image);
    const added = Object.fromEntries(provider.env.map(({ name, value }) => [name, value]));
    const answer = await askProvider(join(programs, provider.name), provider.args, image, { ...env, ...added });
    const auth = answer.auth ?? {};
    const life = milliseconds(answer.cacheDuration ?? provider.defaultCacheDuration);
    for (const [old, { until }] of this.#answers) if (until <= clock()) this.#answers.delete(old);
    this.#answers.set(keys[answer.cacheKeyType], { auth, until: clock() + life });
    return auth;
  }
}

async function checkProgram(program: string, file: string): Promise<void> {
  await access(program, constants.X_OK).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `${file}: cannot run the credential provider ${program}`, {
      cause,
    });
  });
}

function needsServiceAccount(provider: string, image: string): FairleadError {
  return new FairleadError('Unauthenticated', `credential provider ${provider} requires the service account of a pod`, {
    hint: `Only the kubelet has it. Pull ${image} with credentials of the node.`,
  });
}

async function parseConfig(text: string, file: string): Promise<v.InferOutput<typeof configSchema>> {
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${file}: is not valid YAML`, { cause });
  }
  const result = v.safeParse(configSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const where = v.getDotPath(result.issues[0]) ?? 'the document';
  throw new FairleadError('InvalidInput', `${file}: ${where}: ${result.issues[0].message}`);
}

async function askProvider(
  program: string,
  args: readonly string[],
  image: string,
  env: Env,
): Promise<v.InferOutput<typeof answerSchema>> {
  const fail = (what: string): never => {
    throw new FairleadError('Unauthenticated', `credential provider ${program} ${what}`, {
      hint: `It was asked for ${image}.`,
    });
  };
  const request = JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion, image });
  const outcome = await runProgram(program, args, request, env);
  if ('failed' in outcome) return fail(outcome.failed);
  if (outcome.code !== 0) return fail(`failed with exit code ${outcome.code}`);
  let json: unknown;
  try {
    json = JSON.parse(outcome.output);
  } catch {
    return fail('returned invalid JSON');
  }
  const result = v.safeParse(answerSchema, json, { abortEarly: true });
  return result.success ? result.output : fail(`returned an invalid ${v.getDotPath(result.issues[0]) ?? 'document'}`);
}

/** Returns the credentials of the entry that matches an image best. */
function closest(auth: Auth, image: string): Credentials | undefined {
  const key = closestPattern(Object.keys(auth), image);
  const entry = key === undefined ? undefined : auth[key];
  if (entry === undefined || entry.username === '') return undefined;
  return { username: entry.username, password: entry.password };
}

function milliseconds(text: string): number {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const parts = [...text.matchAll(/([0-9.]+)(ms|h|m|s)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0);
}
