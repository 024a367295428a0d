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
 * What a runtime, in its version and configuration, applies to containers of one handler under
 * RuntimeDefault.
 */
export interface HandlerDefaults {
  /**
   * Differs from that of all other defaults: other versions, handlers, settings, contents of files.
   */
  readonly key: string;
  /** The runtime and its version, for people: `containerd 2.1.9`. */
  readonly runtime: string;
  /** The handler's name in the configuration, also if the pod names none. */
  readonly handler: string;
  readonly capabilities: CapabilityRuntime;
  readonly profile:
    | { readonly tables: readonly RuntimeDefaultTable[] }
    | { readonly file: string; readonly bytes: Uint8Array };
  /**
   * Why this is not known to be exactly what the runtime applies, for logs; absent if it is known.
   */
  readonly assumption?: string;
  /**
   * Whether a profile that the runtime reports may be looser than `profile`. If a file is
   * configured, which the runtime loads when it likes, a report may be of what was in it before.
   */
  readonly mayBeLooser: boolean;
}

/**
 * Returns what a runtime applies to containers of a handler under RuntimeDefault. Reads the files
 * that its configuration names.
 *
 * @param handler the pod's runtime handler, empty for the default one.
 * @throws FairleadError ProfileInvalid for a file that is missing and must not be, or cannot be
 *   read.
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
      ? `${runtime} does not report its configuration: settings of its default seccomp profile and capabilities are not known`
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
 * Resolves the default profile for one container. Throws ProfileInvalid for a configured file that
 * is not a seccomp profile.
 */
export async function expectedDefault({ profile }: HandlerDefaults, host: ProfileHost): Promise<SeccompProfile> {
  if ('tables' in profile) return runtimeDefault(profile.tables, host);
  // CRI-O only, and only with such a setting: an idle shim stays small.
  const { importProfile } = await import('#lib/profile/import-profile');
  try {
    return seccompOf(
      importProfile(profile.bytes, profile.file, {
        format: 'docker',
        host: { ...host, kernel: undefined },
        // As the runtime's own decoder, which ignores what it does not know.
        lenient: true,
      }),
    );
  } catch (cause) {
    if (!(cause instanceof FairleadError)) throw cause;
    throw unusable(profile.file, cause.message, cause);
  }
}

/**
 * CRI-O: the file of the handler, which must exist, before the global one, in place of which its
 * own default serves if it is missing.
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
      hint: "Correct the file or the setting seccomp_profile, or name a profile file as the baseline in the node's policy.",
    },
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
