import { createHash } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import { seccompOf } from '#lib/profile/profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { ProfileHost } from '#lib/profile/seccomp/read/resolve-docker';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { loadRuntimeDefaults } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import type { RuntimeDefaultTable } from '#lib/profile/seccomp/tables/runtime-defaults/table';
import { defaultCapabilities, parseRuntimeIdentity } from '#lib/profile/seccomp/tables/runtime-identity';
import type { CapabilityRuntime } from '../../lib/profile/capabilities.ts';
import { baseSpecCapabilities } from './base-spec-capabilities.ts';
import { readNodeFile } from './node-file.ts';
import type { HandlerConfiguration, RuntimeConfiguration, RuntimeFacts } from './runtime-facts.ts';

/**
 * What a runtime applies to containers of one handler under RuntimeDefault, in its version and
 * configuration.
 */
export interface HandlerDefaults {
  /**
   * Unique to this combination of version, handler, settings and file contents.
   */
  readonly key: string;
  /** The runtime and its version, for messages: `containerd 2.1.9`. */
  readonly runtime: string;
  /** The name of the handler in the configuration, also if the pod specifies none. */
  readonly handler: string;
  readonly capabilities: CapabilityRuntime;
  readonly profile:
    | { readonly tables: readonly RuntimeDefaultTable[] }
    | { readonly file: string; readonly bytes: Uint8Array };
  /**
   * Why the runtime may apply something else, for logs; absent if the defaults are certain.
   */
  readonly assumption?: string;
  /**
   * Whether a profile that the runtime reports may be looser than `profile`. False if a file is
   * configured: the runtime may have loaded an older version of it.
   */
  readonly mayBeLooser: boolean;
}

/**
 * Returns what a runtime applies to containers of a handler under RuntimeDefault. Reads the files
 * that its configuration names.
 *
 * @param handler the runtime handler of the pod, empty for the default one.
 * @throws FairleadError ProfileInvalid if a required file is missing, or a file cannot be read.
 */
export async function handlerDefaults(facts: RuntimeFacts, handler: string): Promise<HandlerDefaults> {
  const { configuration } = facts;
  const identity = parseRuntimeIdentity(facts.name, facts.version);
  const runtime = `${facts.name} ${facts.version}`;
  const name = handler === '' ? (configuration?.defaultHandler ?? '') : handler;
  const settings = configuration?.handlers.get(name) ?? {};
  const file = await configuredProfile(configuration, settings);
  const { tables, assumption: ofTables } = await loadRuntimeDefaults(identity);
  const unseen =
    configuration === undefined
      ? `${runtime} does not report its configuration: the default seccomp profile and capabilities of this version are assumed`
      : undefined;
  const assumption = [file === undefined ? ofTables : undefined, identity && unseen].filter(
    (text) => text !== undefined,
  );
  const capabilities =
    settings.baseRuntimeSpec === undefined
      ? (configuration?.defaultCapabilities ?? defaultCapabilities(identity?.name))
      : await baseSpecCapabilities(settings.baseRuntimeSpec);
  const isConfigured = (settings.seccompProfile ?? configuration?.seccompProfile) !== undefined;
  return {
    key: JSON.stringify([runtime, name, isConfigured, file && sha256(file.bytes), capabilities]),
    runtime,
    handler: name,
    capabilities: { name: identity?.name, defaults: capabilities },
    profile: file ?? { tables },
    ...(assumption.length === 0 ? {} : { assumption: assumption.join('; ') }),
    mayBeLooser: !isConfigured,
  };
}

/**
 * Resolves the default profile for one container. Throws ProfileInvalid if the configured file is
 * not a seccomp profile.
 */
export async function expectedDefault({ profile }: HandlerDefaults, host: ProfileHost): Promise<SeccompProfile> {
  if ('tables' in profile) return runtimeDefault(profile.tables, host);
  // Loaded only for CRI-O with this setting, so that an idle shim needs less memory.
  const { importProfile } = await import('#lib/profile/import-profile');
  try {
    return seccompOf(
      importProfile(profile.bytes, profile.file, {
        format: 'docker',
        host: { ...host, kernel: undefined },
        // The decoder of the runtime ignores unknown fields, too.
        lenient: true,
      }),
    );
  } catch (cause) {
    if (!(cause instanceof FairleadError)) throw cause;
    throw unusable(profile.file, cause.message, cause);
  }
}

/**
 * Reads the profile file that CRI-O is configured with: the file of the handler, which must exist,
 * or else the global one. Returns undefined if neither is set or the global file is missing: then
 * CRI-O applies its own default.
 */
async function configuredProfile(
  configuration: RuntimeConfiguration | undefined,
  settings: HandlerConfiguration,
): Promise<{ readonly file: string; readonly bytes: Uint8Array } | undefined> {
  const file = settings.seccompProfile ?? configuration?.seccompProfile;
  if (file === undefined) return undefined;
  const bytes = await readNodeFile(file, (reason, cause) => unusable(file, reason, cause));
  if (bytes !== undefined) return { file, bytes };
  if (settings.seccompProfile !== undefined) throw unusable(file, 'it does not exist');
  return undefined;
}

function unusable(file: string, reason: string, cause?: unknown): FairleadError {
  return new FairleadError(
    'ProfileInvalid',
    `the default seccomp profile of the container runtime, ${file}: ${reason}`,
    {
      cause,
      hint: 'Correct the file or the setting seccomp_profile, or specify a profile file as the baseline in the trust policy of the node.',
    },
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
