import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { mediaTypes } from '#lib/registry/descriptor';

const seccompType = 'application/vnd.cncf.seccomp-profile.config.v1+json';

/** What an artifact has in place of what it should have. */
export interface FixtureChanges {
  readonly configType?: string;
  /** The layers' content, as text. */
  readonly layers?: readonly string[];
}

/**
 * Makes an artifact as `spoc push` of the Security Profiles Operator does: the type on config and
 * artifactType, one layer of JSON, and a fixed time.
 */
export function fixture(profile: object, { configType = seccompType, layers }: FixtureChanges = {}): Artifact {
  const config = blob(configType, Buffer.from('{}'));
  const contents = (layers ?? [JSON.stringify(profile)]).map((text) => blob('application/json', Buffer.from(text)));
  return assembleArtifact(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: configType,
      config: config.descriptor,
      layers: contents.map(({ descriptor }) => descriptor),
      annotations: { 'org.opencontainers.image.created': '1970-01-01T00:00:00Z' },
    },
    [config, ...contents],
  );
}

const allow = { defaultAction: 'SCMP_ACT_ALLOW' };
const chmod = { names: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 };

/** The profiles of the fixtures that critest uses, made anew. */
export const fixtureProfiles = {
  denyChmod: { ...allow, syscalls: [chmod] },
  permissive: allow,
  invalid: { ...allow, listenerPath: '/run/agent.sock', syscalls: [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }] },
  oversized: {
    ...allow,
    syscalls: [{ names: Array.from({ length: 60_000 }, (_, n) => `invented_syscall_${n}`), action: 'SCMP_ACT_ERRNO' }],
  },
  /** More entries for one system call than the 128 that KEP-6061 allows. */
  manyEntries: {
    ...allow,
    syscalls: Array.from({ length: 129 }, (_, value) => ({
      ...{ names: ['socket'], action: 'SCMP_ACT_ERRNO' },
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    })),
  },
} as const;
