import type { Command } from 'commander';
import { shownMessage } from '#lib/errors';
import type { FoundProfile, FoundProfiles, RefusedReferrer } from '#lib/node/find/find-profiles';
import type { ImageSubject } from '#lib/node/find/image-subjects';
import { formatLocalhostProfile } from '#lib/node/reference/localhost-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatPlatform, parsePlatform } from '#lib/registry/platform';
import { formatReference } from '#lib/registry/reference';
import { formatRequested, parseRequested } from '#lib/registry/requested-reference';
import { shorten } from '#lib/text/quote';
import type { Document } from '../documents/documents.ts';
import { signerText } from '../explain/signer-text.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { addReadingTrustOptions, openReadingPolicy, type ReadingTrustOptions } from '../options/pull-policy.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { oneLine, writeNote, writeResult } from '../terminal/output.ts';

interface FindOptions extends OutputOptions, RegistryOptions, ReadingTrustOptions {
  readonly platform?: string;
  readonly all?: boolean;
}

/** Most characters of a text of a publisher in the output for people. */
const shownLength = 200;

/** `fairlead find IMAGE`. */
export function define(command: Command): void {
  command
    .description(
      'Find the profiles that are attached to a container image, or to its platforms, and print how a pod names them. Each is ' +
        'verified as a node does. The newest is first: by the time of its signature, if a log or timestamp proves it; otherwise ' +
        'by org.opencontainers.image.created; then by version.',
    )
    .argument('<image>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE')
    .option('--platform <platform>', 'only profiles for this platform and for all: os/architecture[/variant]')
    .option('--all', 'list what is refused too, with the reason');
  addReadingTrustOptions(command);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'find the profiles of an image that a node would accept',
          'fairlead find ghcr.io/acme/web:1.27 --policy policy.yaml',
        ],
        [
          'find those for one platform',
          'fairlead find ghcr.io/acme/web:1.27 --key fairlead.pub --platform linux/arm64',
        ],
        [
          'name the newest seccomp profile in a script',
          'fairlead find ghcr.io/acme/web:1.27 --key fairlead.pub --output json | ' +
            'jq -r \'first(.profiles[] | select(.kind == "Seccomp")).localhostProfile\'',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('listed, also if there is no profile', {
        ...registryErrors,
        NotAllowed: 'no rule of the policy allows the repository',
      }),
    )
    .action(find);
}

async function find(imageText: string, options: FindOptions): Promise<void> {
  const requested = parseRequested(withoutScheme(imageText));
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const [policy, { findProfiles }, { authorizeAnyKind }, connect] = await Promise.all([
    openReadingPolicy(options, formatRequested(requested), process.env),
    import('#lib/node/find/find-profiles'),
    import('#lib/node/pull/pull-any-kind'),
    openRegistries(options, process.env),
  ]);
  const image = await settleRequested(requested, connect, () => authorizeAnyKind(policy, requested));
  const found = await findProfiles({ image, platform }, { policy, connect });
  writeResult('find', options.output, {
    json: () => asJson(found, options),
    text: () => asText(found, options),
    quiet: () => found.profiles.map(({ reference }) => formatReference(reference)).join('\n'),
  });
  const { profiles, refused, unexamined } = found;
  if (options.insecureUnverified && profiles.length > 0) {
    writeNote(
      'warning',
      'the profiles are not verified: everybody who can write to the repository can have written them',
    );
  }
  if (refused.length > 0 && !options.all) {
    writeNote(
      'note',
      `${count(refused.length, 'referrer')} not listed, because refused; --all lists them with the reasons`,
    );
  }
  if (unexamined > 0) writeNote('note', `${count(unexamined, 'more referrer')} not examined: there are too many`);
}

function asJson({ image, profiles, refused, unexamined }: FoundProfiles, options: FindOptions): Document<'find'> {
  const verified = !options.insecureUnverified;
  return {
    reference: formatReference(image),
    digest: image.digest,
    profiles: profiles.map(({ reference, kind, subject, name, version, summary, time, pulled }) => ({
      reference: formatReference(reference),
      digest: reference.digest,
      kind,
      subject: subjectDocument(subject),
      ...(name !== undefined && { name }),
      ...(version !== undefined && { version }),
      ...(summary !== undefined && { summary }),
      ...(time && { time }),
      verified,
      verification: pulled.verification,
      localhostProfile: localhostProfile(formatReference(reference)),
    })),
    refusedCount: refused.length,
    ...(options.all && {
      refused: refused.map(({ reference, subject, error: { kind, message } }) => ({
        reference: formatReference(reference),
        subject: subjectDocument(subject),
        error: { kind, message },
      })),
    }),
    unexamined,
  };
}

function subjectDocument({ descriptor, platform }: ImageSubject): Document<'find'>['profiles'][number]['subject'] {
  return { digest: descriptor.digest, ...(platform && { platform: formatPlatform(platform) }) };
}

function localhostProfile(reference: string): string {
  return formatLocalhostProfile({ reference });
}

function asText(found: FoundProfiles, options: FindOptions): string {
  const { image, profiles, refused } = found;
  const none = profiles.length > 0 ? [] : ['', options.insecureUnverified ? 'no profiles' : 'no verified profiles'];
  return [
    `image      ${formatReference(image)}`,
    ...none,
    ...profiles.flatMap((profile) => ['', ...profileLines(profile, image.digest, options)]),
    ...(options.all ? refused.flatMap((each) => ['', ...refusedLines(each)]) : []),
  ].join('\n');
}

/** The field of a security context that names a profile of each kind. */
const contextFields: Readonly<Record<RuntimeKind, string>> = {
  Seccomp: 'seccompProfile',
  AppArmor: 'appArmorProfile',
};

function profileLines(found: FoundProfile, image: string, { insecureUnverified }: FindOptions): readonly string[] {
  const { reference, kind, subject, name, version, summary, time, pulled } = found;
  const text = formatReference(reference);
  const own = (label: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [oneLine(`${label.padEnd(10)} ${shorten(value, shownLength)}`)];
  const { signatures } = pulled.verification;
  return [
    `profile    ${text}`,
    `kind       ${kind}`,
    `for        ${describeSubject(subject, image)}`,
    ...own('name', name),
    ...own('version', version),
    ...own('summary', summary),
    ...(time === undefined ? [] : [`${(time.of === 'signature' ? 'signed' : 'created').padEnd(10)} ${time.at}`]),
    ...signatures.map((signature) => `signer     ${signerText(signature)}`),
    ...(signatures.length > 0
      ? []
      : [`signer     ${insecureUnverified ? 'not verified' : 'none: the rule requires none'}`]),
    `pod        securityContext: {${contextFields[kind]}: {type: Localhost, localhostProfile: ${JSON.stringify(localhostProfile(text))}}}`,
  ];
}

function describeSubject({ descriptor: { digest }, platform }: ImageSubject, image: string): string {
  const which = platform === undefined ? '' : oneLine(shorten(formatPlatform(platform), shownLength));
  if (digest === image) return which === '' ? 'the image' : which;
  return `${which}, ${digest}`;
}

function refusedLines({ reference, error }: RefusedReferrer): readonly string[] {
  return [`refused    ${formatReference(reference)}`, `reason     ${shownMessage(error)}`];
}

function count(number: number, word: string): string {
  return number === 1 ? `1 ${word} is` : `${number} ${word}s are`;
}
