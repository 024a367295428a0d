import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { formatReference, parseReference } from '#lib/registry/reference';
import type { Policy } from '#lib/trust/policy/node-policy';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import type { Published } from '#services/push/publish';
import { readInput, refuseSharedStdin } from '../files/files.ts';
import { openRegistries } from '../options/connect.ts';
import { addKeylessOptions } from '../options/keyless.ts';
import {
  addOutputOption,
  addRegistryOptions,
  addSignatureFormatOption,
  addSignerOptions,
  collectAnnotation,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { type SignerOptions, startSigner } from '../options/signer.ts';
import { findingWithFlags } from '../terminal/hints.ts';
import { writeResult } from '../terminal/output.ts';

interface PushOptions extends OutputOptions, RegistryOptions, SignerOptions {
  readonly title?: string;
  readonly annotation?: Readonly<Record<string, string>>;
  readonly signatureFormat: SignatureFormat;
  readonly unsigned?: boolean;
  readonly provenance?: boolean;
  readonly policy?: string;
}

/** `fairlead push FILE REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Publish a security profile: read it, lint it, pack it as an OCI artifact, sign it, push it. The tag is written last. ' +
        'The same content always has the same digest, regardless of the file name. If SOURCE_DATE_EPOCH is set, it is recorded as the creation time.',
    )
    .argument('<file>', 'the profile (seccomp or AppArmor JSON, as runtimes read it); - is stdin')
    .argument('<reference>', 'where to: registry/repository:tag');
  addSignerOptions(command);
  addKeylessOptions(command);
  addSignatureFormatOption(command);
  command
    .option('--provenance', 'attest as well where it was made: SLSA provenance of this CI job')
    .option(
      '--policy <file>',
      'read it back as a node under this trust policy would, and tag it only if it is admitted',
    )
    .option('--title <name>', 'file name to publish it under, which becomes part of the artifact')
    .option('--annotation <key=value>', 'annotate the manifest; may be given many times', collectAnnotation);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['publish, signed', 'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --key fairlead.key'],
        [
          'from CI, as the job that this is, with where it was made',
          'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --keyless --provenance \\\n' +
            '    --annotation org.opencontainers.image.source=https://github.com/acme/profiles',
        ],
        [
          'only if the nodes will take it: else the tag stays where it is',
          'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --key fairlead.key --policy policy.yaml',
        ],
        [
          'into a folder, with no server',
          'fairlead push nginx.json localhost/nginx:dev --oci-layout ./registry --unsigned',
        ],
      ]) +
        '\n\nExit codes: 0 published, 2 nothing to sign with, no such file or another wrong request, 3 not a valid profile,\n' +
        '  4 no rule of --policy allows it, 5 signed otherwise than --policy asks: not tagged,\n' +
        '  6 the registry wants other credentials, 8 registry or signing service out of reach, 10 too large.',
    )
    .action(push);
}

async function push(file: string, referenceText: string, options: PushOptions): Promise<void> {
  const reference = parseReference(referenceText);
  refuseSharedStdin(
    file === '-' ? 'the profile' : undefined,
    options.identityToken === '-' ? '--identity-token' : undefined,
    options.passwordStdin ? '--password-stdin' : undefined,
  );
  // A policy may allow more, or less, than what nodes allow unless told.
  const bytes = await readInput(
    file,
    options.policy === undefined ? defaultPublicationLimits.artifactBytes : maxArtifactBytes,
  );
  const provenance = options.provenance ? await ownProvenance() : undefined;
  // A key takes its time to open, on another thread: all else is loaded, checked and sent ahead
  // meanwhile.
  const opening = await startSigner(options, process.env);
  const [policy, connect, { publish }] = await Promise.all([
    options.policy === undefined ? undefined : readPolicy(options.policy),
    openRegistries(options, process.env),
    import('#services/push/publish'),
  ]);
  const published = await publish(
    bytes,
    {
      reference,
      source: file === '-' ? 'stdin' : file,
      title: options.title,
      annotations: options.annotation,
      created: sourceDate(process.env),
      signatureFormat: options.signatureFormat,
      provenance,
    },
    {
      target: connect(reference),
      signer: opening?.signer,
      clock: () => new Date(),
      limits: policy?.limits ?? defaultPublicationLimits,
      policy,
    },
  );
  writeResult(options.output, { json: () => asJson(published), text: () => asText(published) });
}

async function readPolicy(file: string): Promise<Policy> {
  const { loadPolicy } = await import('#lib/trust/policy/load-policy');
  return loadPolicy(file);
}

async function ownProvenance(): Promise<object> {
  const { buildProvenance } = await import('#lib/trust/sign/build-provenance');
  return buildProvenance(process.env);
}

/**
 * The time that reproducible builds agree on
 * (https://reproducible-builds.org/specs/source-date-epoch/).
 */
function sourceDate(env: NodeJS.ProcessEnv): Date | undefined {
  const text = env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  const seconds = /^\d{1,11}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(seconds)) {
    throw new FairleadError('InvalidInput', `SOURCE_DATE_EPOCH is no number of seconds: ${JSON.stringify(text)}`, {
      hint: 'Set it to the seconds since 1970, as git log -1 --format=%ct prints them, or unset it.',
    });
  }
  return new Date(seconds * 1000);
}

function asJson(published: Published): object {
  const { reference, descriptor, profile, findings, signature, provenance, verification } = published;
  return {
    reference: formatReference(reference),
    tag: published.tag ?? null,
    digest: descriptor.digest,
    kind: profile.kind,
    signature: signature ?? null,
    alreadySigned: published.alreadySigned,
    provenance: provenance ?? null,
    alreadyAttested: published.alreadyAttested,
    verification: verification ?? null,
    findings: findings.map(findingWithFlags),
  };
}

function asText(published: Published): string {
  const { reference, descriptor, profile, findings, signature, provenance, verification } = published;
  return [
    ...findings
      .map(findingWithFlags)
      .map((finding) => `${finding.severity}: ${finding.message} (${finding.code}, ${finding.pointer || '/'})`),
    `published  ${formatReference(reference)}`,
    `tag        ${published.tag ?? `none, only the digest names it; add one: fairlead tag ${formatReference(reference)} TAG`}`,
    `kind       ${profile.kind}`,
    `digest     ${descriptor.digest}`,
    `signature  ${signature ?? 'none added: unless the digest is signed already, only a rule with "unsigned: true" allows it'}${published.alreadySigned ? ' (already signed, none was added)' : ''}`,
    ...(provenance === undefined
      ? []
      : [`provenance ${provenance}${published.alreadyAttested ? ' (already attested, none was added)' : ''}`]),
    ...(verification === undefined ? [] : [`rule       ${verification.rule}`]),
  ].join('\n');
}
