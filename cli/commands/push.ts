import { Argument, type Command, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import type { Publication, PublicationOutcome } from '#services/push/publish-many';
import { completing } from '../definitions/completable.ts';
import { refuseSharedStdin } from '../files/files.ts';
import { policyOption } from '../options/environment.ts';
import { addKeylessOptions } from '../options/keyless.ts';
import {
  addOutputOption,
  addRegistryOptions,
  addSignatureFormatOption,
  addSignerOptions,
  collectAnnotation,
  examples,
} from '../options/options.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { GateClosed, gateExit } from '../process/gate.ts';
import { projectFile } from '../project/project.ts';
import { outcomeDocument, publishedReference, type SignedOutcome } from '../publish/describe-outcome.ts';
import { openPublications } from '../publish/open-publications.ts';
import { countOutcomes, errorText, manyText, progressText, singleText } from '../publish/print-outcome.ts';
import type { ThroughServiceOptions } from '../publish/publish-through-service.ts';
import type { PushOptions } from '../publish/push-options.ts';
import type { PushService } from '../publish/push-service.ts';
import { reportToGithub } from '../publish/report-to-github.ts';
import { requestProfiles } from '../publish/request-profiles.ts';
import type { RequestedProfile } from '../publish/requested-profile.ts';
import { signerName } from '../publish/signer-name.ts';
import { writeResult } from '../terminal/output.ts';
import { ProgressLine } from '../terminal/progress-line.ts';

/** `fairlead push FILE REFERENCE`, `push PATH… PREFIX/`, `push [PATH…]` of a project. */
export function define(command: Command): void {
  command
    .description(
      'Publish security profiles: lint them, pack them as OCI artifacts, sign and push them. The tags are set last. The same ' +
        'content always has the same digest, regardless of the file name; what a tag holds already is not published again. ' +
        'One file goes to a reference; files and directories go below a prefix that ends with /, each under its own name. ' +
        'Without a reference or prefix, fairlead.yaml says what goes where. If SOURCE_DATE_EPOCH is set, it is recorded as ' +
        'the creation time, unless a push service publishes.',
    )
    .usage('[options] FILE REFERENCE | PATH... PREFIX/ | [PATH...]')
    .addArgument(
      completing(
        new Argument(
          '[arguments...]',
          'seccomp or AppArmor profiles in the runtime form (JSON); - is stdin. Then registry/repository[:tag] or registry/prefix/',
        ),
        'file',
      ),
    );
  addSignerOptions(command);
  addKeylessOptions(command);
  addSignatureFormatOption(command);
  command
    .option('--project <file>', 'project file (default: fairlead.yaml, if there is no reference)')
    .option('--version <version>', 'semantic version: 1.4.2 also moves the tags 1.4 and 1, but never backwards')
    .option('--tag <tag>', 'tag, for profiles below a prefix or of a project')
    .option('--latest', 'a version also moves the tag latest')
    .option('--allow-older', 'move the tags of a version backwards too')
    .option('--subject <image>', 'attach the profile to this container image: registry/repository@sha256:…')
    .option('--provenance', 'attach SLSA provenance of this CI job too')
    .addOption(
      policyOption('trust policy: set the tags only if a node with this policy would accept the profile', ['service']),
    )
    .addOption(
      new Option(
        '--fail-on <direction>',
        `do not publish a profile that permits more than what its tag holds now, and exit with ${gateExit}`,
      ).choices(['loosened']),
    )
    .option('--no-overwrite', `do not publish a profile whose tag holds another artifact, and exit with ${gateExit}`)
    .option(
      '--service <url>',
      'publish through this push service (fairlead serve), which signs unless --key or --keyless does; all profiles of a request or none',
    )
    .option(
      '--service-token <file>',
      'token for the service (default: FAIRLEAD_PUSH_TOKEN, or that of this CI job for the service); - is stdin',
    )
    .option('--service-audience <text>', 'what the token of this CI job is for (default: the URL of the service)')
    .option('--dry-run', 'show what would be published; only reads')
    .option('--title <name>', 'file name to record in the artifact (default: none)')
    .option('--annotation <key=value>', 'add an annotation to the manifest; can be repeated', collectAnnotation)
    .option('--annotate-from-ci', 'add source and revision of this CI job as annotations');
  addRegistryOptions(command);
  addOutputOption(command, ['github'])
    .addHelpText(
      'after',
      examples([
        ['publish a signed profile', 'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --key fairlead.key'],
        [
          'publish from CI with the identity of the job, with provenance',
          'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --keyless --provenance',
        ],
        [
          'publish all profiles of a directory as version 1.4.2',
          'fairlead push profiles/ ghcr.io/acme/profiles/ --version 1.4.2 --key fairlead.key',
        ],
        ['publish what fairlead.yaml lists, unless a profile was loosened', 'fairlead push --fail-on loosened'],
        [
          'set the tag only if the nodes will accept the profile',
          'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --key fairlead.key --policy policy.yaml',
        ],
        [
          'publish from CI through a push service, signed by the job',
          'fairlead push profiles/ ghcr.io/acme/profiles/ --tag stable --keyless --service https://push.example.com',
        ],
        [
          'publish to a directory, without a registry',
          'fairlead push nginx.json localhost/nginx:dev --oci-layout ./registry --unsigned',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes(
        'published',
        {
          gate: 'stopped by --fail-on or --no-overwrite',
          ...profileErrors,
          NotAllowed: 'no rule of --policy allows it',
          SignatureInvalid: 'its signatures do not meet --policy',
          NotFound: 'no such image (--subject)',
          Unavailable: 'registry or signing service unreachable',
          Conflict: 'the tag holds an image',
        },
        'If several profiles fail, it is that of the first. After another code than 0, run the same command again: it publishes what is missing.',
      ),
    )
    .action(push);
}

async function push(args: readonly string[], options: PushOptions): Promise<void> {
  refuseSharedStdin(
    args.includes('-') ? 'the profile' : undefined,
    options.identityToken === '-' ? '--identity-token' : undefined,
    options.passwordStdin ? '--password-stdin' : undefined,
    options.serviceToken === '-' ? '--service-token' : undefined,
  );
  const { profiles, isSingle } = await requestProfiles(args, options, await sharedRequest(options));
  const service = await openService(profiles, options);
  const publications = await openPublications(profiles, options, process.env);
  const progress = new ProgressLine(isSingle || options.output !== 'text' ? 0 : profiles.length);
  const outcomes = await publishTo(service, publications, {
    dryRun: options.dryRun ?? false,
    onOutcome: (outcome) => progress.advance((done, all) => progressText(outcome, done, all)),
  });
  progress.end();
  const signed = await Promise.all(
    outcomes.map(async (outcome, at): Promise<SignedOutcome> => {
      if (outcome.status === 'failed') return outcome;
      return { ...outcome, signer: await signerName(publications[at]?.dependencies.signer) };
    }),
  );
  await report(signed, profiles, isSingle, options);
}

/** Opens the push service, if the options name one. Throws as openPushService. */
async function openService(
  profiles: readonly RequestedProfile[],
  options: PushOptions,
): Promise<PushService | undefined> {
  const { service, serviceToken, serviceAudience } = options;
  if (service === undefined && serviceToken === undefined && serviceAudience === undefined) return undefined;
  const { openPushService } = await import('../publish/open-push-service.ts');
  return openPushService(profiles, options, process.env);
}

/** Publishes to the registries, or through a service. Returns the outcome of each profile. */
async function publishTo(
  service: PushService | undefined,
  publications: readonly Publication[],
  options: ThroughServiceOptions,
): Promise<readonly PublicationOutcome[]> {
  if (service !== undefined) {
    const { publishThroughService } = await import('../publish/publish-through-service.ts');
    return publishThroughService(publications, service, options);
  }
  const { publishMany } = await import('#services/push/publish-many');
  return publishMany(publications, options);
}

/** Prints the result for each profile. Throws if one was refused or failed. */
async function report(
  outcomes: readonly SignedOutcome[],
  profiles: readonly RequestedProfile[],
  isSingle: boolean,
  options: PushOptions,
): Promise<void> {
  const { output, ociLayout } = options;
  const publications = outcomes.flatMap((outcome, at) => {
    const profile = profiles[at];
    return profile === undefined ? [] : [{ outcome, profile }];
  });
  const quiet = (): string =>
    outcomes
      .flatMap((outcome) => publishedReference(outcome) ?? [])
      .map(formatReference)
      .join('\n');
  const [only] = publications;
  if (output === 'github') await reportToGithub(publications);
  const form = output === 'json' ? output : 'text';
  if (isSingle && only !== undefined) {
    if (only.outcome.status === 'failed') throw only.outcome.error;
    writeResult('push', form, {
      json: () => outcomeDocument(only.outcome, only.profile),
      text: () => singleText(only.outcome, only.profile, ociLayout),
      quiet,
    });
  } else {
    writeResult('push', form, {
      json: () => ({
        profiles: publications.map(({ outcome, profile }) => outcomeDocument(outcome, profile)),
        summary: countOutcomes(outcomes),
      }),
      text: () => manyText(publications),
      quiet,
    });
  }
  throwFirst(outcomes, isSingle, options);
}

/** Throws the error of the first profile that failed, or otherwise was refused. */
function throwFirst(outcomes: readonly SignedOutcome[], isSingle: boolean, options: PushOptions): void {
  const failed = outcomes.filter((outcome) => outcome.status === 'failed');
  const [first] = failed;
  if (first !== undefined) {
    const { kind, hint } = first.error;
    throw new FairleadError(kind, `${failed.length} of ${outcomes.length} profiles could not be published`, {
      details: detailsOf(failed),
      ...(hint !== undefined && { hint }),
    });
  }
  const refused = outcomes.filter((outcome) => outcome.status === 'refused');
  const [only] = refused;
  if (only === undefined) return;
  throw new GateClosed(
    isSingle
      ? `not published: ${only.error.summary}`
      : `${refused.length} of ${outcomes.length} profiles were not published: ${refused.map(({ name }) => name).join(', ')}`,
    only.error.hint && withProjectKeys(only.error.hint, options),
  );
}

/** Names a condition as fairlead.yaml does, if the command line does not set it. */
function withProjectKeys(hint: string, { failOn, overwrite, project = projectFile }: PushOptions): string {
  return hint
    .replace('`failOn`', (name) => (failOn === undefined ? `failOn in ${project}` : name))
    .replace('`overwrite`', (name) => (overwrite ? `overwrite in ${project}` : name));
}

/** Returns why profiles failed: those with the same reason together. */
function detailsOf(failed: readonly { readonly name: string; readonly error: FairleadError }[]): readonly string[] {
  const names = new Map<string, string[]>();
  for (const { name, error } of failed) {
    const text = errorText(error);
    names.set(text, [...(names.get(text) ?? []), name]);
  }
  return [...names].map(([text, [first = '', ...others]]) =>
    others.length === 0 ? `${first}: ${text}` : `${first} and ${others.length} more: ${text}`,
  );
}

/** Returns what the options say about all profiles of the run. */
async function sharedRequest(options: PushOptions) {
  const { annotation, annotateFromCi, allowOlder, failOn, overwrite, signatureFormat } = options;
  return {
    annotations: annotation,
    runAnnotations: annotateFromCi ? await annotationsOfCi() : undefined,
    provenance: options.provenance ? await ownProvenance() : undefined,
    created: sourceDate(process.env),
    allowOlder,
    failOn,
    overwrite,
    signatureFormat,
  };
}

async function annotationsOfCi(): Promise<Readonly<Record<string, string>>> {
  const { ciAnnotations } = await import('#services/push/run-annotations');
  return ciAnnotations(process.env);
}

async function ownProvenance(): Promise<object> {
  const { buildProvenance } = await import('#lib/trust/sign/build-provenance');
  return buildProvenance(process.env);
}

/**
 * Returns the time of SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/),
 * or undefined. Throws InvalidInput.
 */
function sourceDate(env: NodeJS.ProcessEnv): Date | undefined {
  const text = env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  const seconds = /^\d{1,11}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(seconds)) {
    throw new FairleadError('InvalidInput', `invalid SOURCE_DATE_EPOCH ${quote(text)}: want seconds since 1970`, {
      hint: 'Set it to the output of git log -1 --format=%ct, or unset it.',
    });
  }
  return new Date(seconds * 1000);
}
