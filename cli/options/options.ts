import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RuntimeKind } from '#lib/profile/profile';
import type { OutputForm } from '../terminal/output.ts';

/** Values of the options that addRegistryOptions adds. */
export interface RegistryOptions {
  readonly ociLayout?: string;
  readonly plainHttp?: boolean;
  readonly trustRealm?: readonly string[];
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

export interface OutputOptions {
  readonly output: OutputForm;
}

/** Adds `--output text|json`, and further forms of the command's own. */
export function addOutputOption(command: Command, more: readonly string[] = []): Command {
  return command.addOption(
    new Option('--output <form>', 'how to say the result').choices(['text', 'json', ...more]).default('text'),
  );
}

/**
 * Adds the options that say where content lives and who asks for it. A reference reads the same
 * everywhere: with `--oci-layout` the folder stands in for every registry, so that policies match
 * the same names.
 */
export function addRegistryOptions(command: Command): Command {
  return command
    .option('--oci-layout <folder>', 'use this OCI layout folder in place of the network')
    .option('--plain-http', 'speak HTTP to the registry (loopback addresses always get it)')
    .addOption(trustRealmOption())
    .option('--username <name>', 'log in with this name; without it, as docker login and its like left it')
    .option('--password-stdin', 'read the password for --username from stdin');
}

/**
 * Adds the options of everything that may be published unsigned: they are those of a key, and the
 * word for having none.
 */
export function addSignerOptions(command: Command): Command {
  return addKeyOptions(command).option(
    '--unsigned',
    'publish without a signature: must be said where there is nothing to sign with',
  );
}

/** Adds the options of everything that signs with a key. */
export function addKeyOptions(command: Command): Command {
  return command
    .option('--key <file>', 'private key to sign with (fairlead keygen, cosign generate-key-pair)')
    .option(
      '--passphrase-file <file>',
      "the key's passphrase; else FAIRLEAD_PASSPHRASE, COSIGN_PASSWORD or a prompt is asked",
    );
}

/** Adds the form in which the signature of what is published is stored. */
export function addSignatureFormatOption(command: Command): Command {
  return command.addOption(
    new Option('--signature-format <format>', 'bundle: as cosign 3 signs; legacy: for readers of what cosign 2 signs')
      .choices(['bundle', 'legacy'])
      .default('bundle'),
  );
}

/** Parser for an option that may be given many times: `key=value`, gathered into one object. */
export function collectAnnotation(text: string, gathered: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Write it as key=value.');
  return { ...gathered, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** Parses the kind of a profile, in any case: `seccomp`, `Seccomp`. */
function parseKind(text: string): RuntimeKind {
  const kinds = { seccomp: 'Seccomp', apparmor: 'AppArmor' } as const;
  const kind = kinds[text.toLowerCase() as keyof typeof kinds];
  if (kind === undefined) throw new InvalidArgumentError('It is seccomp or apparmor.');
  return kind;
}

/** Makes the option `--kind`: which kind of profile is wanted. */
export function kindOption(): Option {
  return new Option('--kind <kind>', 'kind of the profile: seccomp or apparmor')
    .argParser(parseKind)
    .default('Seccomp' satisfies RuntimeKind, 'seccomp');
}

/** Help text with examples, one line each: what it does, and the command. */
export function examples(lines: readonly (readonly [what: string, command: string])[]): string {
  return `\nExamples:\n${lines.map(([what, command]) => `  # ${what}\n  ${command}`).join('\n')}`;
}

/** `--trust-realm`: who beside the registry may see the password for it. */
export function trustRealmOption(): Option {
  return new Option(
    '--trust-realm <host>',
    "a token service on another domain than the registry's that may see the password; may be repeated",
  ).argParser((host, gathered: readonly string[] = []) => [...gathered, host]);
}
