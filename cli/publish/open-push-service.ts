import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { readInput } from '../files/files.ts';
import { requestJobToken } from '../options/job-token.ts';
import type { PushOptions } from './push-options.ts';
import { PushService } from './push-service.ts';
import type { RequestedProfile } from './requested-profile.ts';

/** Most bytes of a token. */
const maxTokenBytes = 64 * 1024;

/** Options that a push service does not know, or that are those of its registries. */
const refused = {
  version: '--version',
  latest: '--latest',
  allowOlder: '--allow-older',
  subject: '--subject',
  provenance: '--provenance',
  annotation: '--annotation',
  annotateFromCi: '--annotate-from-ci',
  policy: '--policy',
  unsigned: '--unsigned',
  ociLayout: '--oci-layout',
  plainHttp: '--plain-http',
  trustRealm: '--trust-realm',
  username: '--username',
  passwordStdin: '--password-stdin',
} as const satisfies Partial<Record<keyof PushOptions, string>>;

/**
 * Opens the push service of `--service`; returns undefined without it. Throws InvalidInput for
 * options and profiles that it cannot be used with, for a URL that the token must not be sent to,
 * and if there is no token; Unavailable if the CI system issues none.
 */
export async function openPushService(
  profiles: readonly RequestedProfile[],
  options: PushOptions,
  env: NodeJS.ProcessEnv,
): Promise<PushService | undefined> {
  const { service, serviceToken, serviceAudience } = options;
  if (service === undefined) {
    if (serviceToken !== undefined) throw usage('--service-token needs --service', 'Add --service URL.');
    if (serviceAudience !== undefined) throw usage('--service-audience needs --service', 'Add --service URL.');
    return undefined;
  }
  refuseOptions(options);
  for (const profile of profiles) refuseProfile(profile);
  const { isPrivateTransport } = await import('#lib/network/private-transport');
  const url = URL.canParse(service) ? new URL(service) : undefined;
  if (url === undefined || !isPrivateTransport(service) || url.username !== '' || url.search !== '') {
    throw usage(`invalid --service ${quote(service)}: want an https URL`, 'HTTP is for this machine only.');
  }
  const audience = serviceAudience ?? service.replace(/\/$/, '');
  const token =
    serviceToken === undefined
      ? env['FAIRLEAD_PUSH_TOKEN'] || (await requestJobToken(audience, env))
      : new TextDecoder().decode(await readInput(serviceToken, maxTokenBytes));
  if (token === undefined) {
    throw usage(
      'no token for --service',
      'Set --service-token FILE or FAIRLEAD_PUSH_TOKEN. A job of GitHub Actions needs `permissions: {id-token: write}`.',
    );
  }
  const [{ serviceClient }, { machineOptions }] = await Promise.all([
    import('#lib/network/service-client'),
    import('#lib/registry/remote/machine-options'),
  ]);
  return new PushService({ url, token: token.trim(), audience, send: serviceClient(machineOptions(env)) });
}

function refuseOptions(options: PushOptions): void {
  for (const [name, flag] of Object.entries(refused)) {
    if (Reflect.get(options, name)) throw excluded(flag);
  }
  if (options.signatureFormat === 'legacy') throw excluded('--signature-format legacy');
}

function excluded(flag: string): FairleadError {
  const hint =
    flag === '--policy'
      ? 'The service has a policy of its own. Leave out --policy.'
      : `Leave out ${flag}, or publish to the registry without --service.`;
  return usage(`${flag} and --service cannot be used together`, hint);
}

/** Refuses what a project asks for and a service does not know. */
function refuseProfile({ name, request, policy }: RequestedProfile): void {
  const { version, subject, annotations = {} } = request;
  const found =
    (version !== undefined && 'a version') ||
    (subject !== undefined && 'a subject') ||
    (Object.keys(annotations).length > 0 && 'annotations') ||
    (policy !== undefined && 'a policy');
  if (!found) return;
  throw usage(
    `${name} has ${found}, which a push service does not take`,
    'Remove it from the project file and use a tag, or publish to the registry without --service.',
  );
}

function usage(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
