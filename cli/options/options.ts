import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RuntimeKind } from '#lib/profile/profile';
import type { OutputForm } from '../terminal/output.ts';
import { environmentOption } from './environment.ts';
import { addVerbosityOptions } from './verbosity.ts';

/** Values of the options that addRegistryOptions adds. */
export interface RegistryOptions {
  readonly ociLayout?: string;
  readonly plainHttp?: boolean;
  readonly trustRealm?: readonly string[];
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

/** What a tag is, as a hint. */
export const tagHint = 'Want at most 128 letters, digits, "_", "." and "-", not starting with "." or "-".';

export interface OutputOptions {
  readonly output: OutputForm;
}

/** Adds `--output text|json`, and further forms of the command. */
export function addOutputOption(command: Command, more: readonly string[] = []): Command {
  return command.addOption(
    new Option('-o, --output <form>', 'form of the result').choices(['text', 'json', ...more]).default('text'),
  );
}

/**
 * Adds the options that specify the registry and its credentials. A reference is the same
 * everywhere: with `--oci-layout` the directory acts as every registry, so policies match the same
 * names. `quiet` is that of addVerbosityOptions.
 */
export function addRegistryOptions(command: Command, quiet?: string): Command {
  return addVerbosityOptions(addConnectionOptions(command), quiet);
}

/** Adds the same options to a command that runs until it is stopped, and has a log. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option('--oci-layout <directory>', 'use this OCI layout directory instead of a registry')
    .option('--plain-http', 'use HTTP instead of HTTPS for the registry (always used for loopback addresses)')
    .addOption(trustRealmOption())
    .option(
      '-u, --username <name>',
      'user name for the registry (default: the credentials of fairlead login or docker login)',
    )
    .option('--password-stdin', 'read the password of --username from stdin');
}

/** Adds the options of a key and `--unsigned`, for commands that can publish unsigned artifacts. */
export function addSignerOptions(command: Command, keyOption: Option = signingKeyOption()): Command {
  return addKeyOptions(command, keyOption).option(
    '--unsigned',
    'publish without a signature; required if there is neither --key nor --keyless',
  );
}

const keyDescription =
  'private key for signing: a file of fairlead keygen or cosign generate-key-pair, or NAME://KEY of a key service, whose program sigstore-kms-NAME is in PATH';

/** Makes the option `--key` of a command that signs, by default FAIRLEAD_KEY. */
function signingKeyOption(): Option {
  const others = ['keyless', 'unsigned'];
  return environmentOption('--key <file>', keyDescription, { variable: 'FAIRLEAD_KEY', others });
}

/** Makes the option `--key` of a service, which takes nothing from the environment but secrets. */
export function serviceKeyOption(): Option {
  return new Option('--key <file>', keyDescription);
}

/** Adds the options of commands that sign with a key. */
export function addKeyOptions(command: Command, keyOption: Option = signingKeyOption()): Command {
  return command
    .addOption(keyOption)
    .option(
      '--passphrase-file <file>',
      'passphrase of the key (default: FAIRLEAD_PASSPHRASE, COSIGN_PASSWORD or a prompt)',
    );
}

/** Adds the option for the format of signatures. */
export function addSignatureFormatOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--signature-format <format>',
      'format of the signature: bundle, the default of cosign 3, or legacy, for verifiers that only read signatures of cosign 2',
    )
      .choices(['bundle', 'legacy'])
      .default('bundle'),
  );
}

/** Parses an option that can be repeated, `key=value`, into one object. */
export function collectAnnotation(text: string, gathered: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Want key=value.');
  const key = text.slice(0, equals);
  if (Object.hasOwn(gathered, key)) throw new InvalidArgumentError(`Another value of ${key} was given before.`);
  return { ...gathered, [key]: text.slice(equals + 1) };
}

/** Parses the kind of a profile, in any case: `seccomp`, `Seccomp`. */
export function parseKind(text: string): RuntimeKind {
  const kinds = { seccomp: 'Seccomp', apparmor: 'AppArmor' } as const;
  const kind = kinds[text.toLowerCase() as keyof typeof kinds];
  if (kind === undefined) throw new InvalidArgumentError('Want seccomp or apparmor.');
  return kind;
}

/** Makes the option `--kind`: which kind of profile is wanted. */
export function kindOption(): Option {
  return new Option('--kind <kind>', 'kind of the profile')
    .choices(['seccomp', 'apparmor'])
    .argParser(parseKind)
    .default('Seccomp' satisfies RuntimeKind, 'seccomp');
}

/** Returns the help text of examples: what each does, and its command. */
export function examples(lines: readonly (readonly [what: string, command: string])[]): string {
  return `\nExamples:\n${lines.map(([what, command]) => `  # ${what}\n  ${command}`).join('\n')}`;
}

/** Makes the option `--trust-realm`: a host beside the registry that may receive its password. */
export function trustRealmOption(): Option {
  return new Option(
    '--trust-realm <host>',
    'also send the password to this token service on another domain; can be repeated',
  ).argParser((host, gathered: readonly string[] = []) => [...gathered, host]);
}
