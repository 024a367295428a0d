import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { formatReference, parseReference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import type { Published } from '#services/push/publication';
import type { Document } from '../documents/documents.ts';
import { readInput, refuseSharedStdin } from '../files/files.ts';
import { loadPresentPolicy } from '../files/policy-file.ts';
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
      'Publish a security profile: lint it, pack it as an OCI artifact, sign it and push it. The tag is set last. The same ' +
        'content always has the same digest, regardless of the file name. If SOURCE_DATE_EPOCH is set, it is recorded as the ' +
        'creation time.',
    )
    .argument('<file>', 'seccomp or AppArmor profile in the runtime form (JSON); - is stdin')
    .argument('<reference>', 'registry/repository[:tag]');
  addSignerOptions(command);
  addKeylessOptions(command);
  addSignatureFormatOption(command);
  command
    .option('--provenance', 'attach SLSA provenance of this CI job too')
    .option('--policy <file>', 'trust policy: set the tag only if a node with this policy would accept the profile')
    .option('--title <name>', 'file name to record in the artifact (default: none)')
    .option('--annotation <key=value>', 'add an annotation to the manifest; can be repeated', collectAnnotation);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['publish a signed profile', 'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --key fairlead.key'],
        [
          'publish from CI with the identity of the job, with provenance',
          'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --keyless --provenance \\\n' +
            '    --annotation org.opencontainers.image.source=https://github.com/acme/profiles',
        ],
        [
          'set the tag only if the nodes will accept the profile',
          'fairlead push nginx.json ghcr.io/acme/profiles/nginx:1.27 --key fairlead.key --policy policy.yaml',
        ],
        [
          'publish to a directory, without a registry',
          'fairlead push nginx.json localhost/nginx:dev --oci-layout ./registry --unsigned',
        ],
      ]) +
        '\n\nExit codes: 0 published, 2 no such file or another invalid request, 3 invalid profile, 4 no rule of --policy allows\n' +
        '  it, 5 its signatures do not meet --policy, 6 credentials missing or refused, 8 registry or signing service\n' +
        '  unreachable, 10 too large. With 4 and 5 the tag is not set.',
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
  // A policy may allow more or less than nodes do by default.
  const bytes = await readInput(
    file,
    options.policy === undefined ? defaultPublicationLimits.artifactBytes : maxArtifactBytes,
  );
  const provenance = options.provenance ? await ownProvenance() : undefined;
  // Another thread opens the key; everything else is loaded, checked and sent meanwhile.
  const opening = await startSigner(options, process.env);
  const [policy, connect, { publish }] = await Promise.all([
    options.policy === undefined ? undefined : loadPresentPolicy(options.policy),
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
  writeResult('push', options.output, { json: () => asJson(published), text: () => asText(published) });
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

function asJson(published: Published): Document<'push'> {
  const { reference, profile, findings, signature, provenance, verification } = published;
  return {
    reference: formatReference(reference),
    tag: published.tags[0]?.tag ?? null,
    digest: reference.digest,
    kind: profile.kind,
    signature: signature ?? null,
    alreadySigned: published.alreadySigned,
    provenance: provenance ?? null,
    alreadyAttested: published.alreadyAttested,
    verification: verification ?? null,
    findings,
  };
}

function asText(published: Published): string {
  const { reference, profile, findings, signature, provenance, verification } = published;
  return [
    ...findings.map(
      (finding) => `${finding.severity}: ${finding.message} (${finding.code}, ${finding.pointer || '/'})`,
    ),
    `published  ${formatReference(reference)}`,
    `tag        ${published.tags[0]?.tag ?? `none; to add one: fairlead tag ${formatReference(reference)} TAG`}`,
    `kind       ${profile.kind}`,
    `digest     ${reference.digest}`,
    `signature  ${signature ?? 'none added; unless the digest is signed already, only a rule with "unsigned: true" allows it'}${published.alreadySigned ? ' (already signed, none added)' : ''}`,
    ...(provenance === undefined
      ? []
      : [`provenance ${provenance}${published.alreadyAttested ? ' (already attested, none added)' : ''}`]),
    ...(verification === undefined ? [] : [`rule       ${verification.rule}`]),
  ].join('\n');
}
