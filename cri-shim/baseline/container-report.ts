import type { JsonNode } from '#lib/profile/json/node';
import { type JsonDocument, readJson } from '#lib/profile/json/read-json';
import { strictness } from '#lib/profile/seccomp/algebra/outcome';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { parseSeccomp } from '#lib/profile/seccomp/read/parse';

/** What a runtime reports about a container under its default profile. */
export interface ContainerReport {
  /** The profile with all conditions on the host and the container resolved. */
  readonly profile: SeccompProfile;
  /** The bounding set in the spec of the container, sorted. */
  readonly capabilities: readonly string[];
}

/** The reason why a report does not show the default profile of the runtime. */
export interface NoReport {
  readonly unusable: string;
}

const limits = { bytes: 8 * 1024 * 1024, depth: 32, values: 1_000_000 };
/** Annotation of CRI-O: RuntimeDefault, Unconfined, or a path. */
const profileAnnotation = 'io.kubernetes.cri-o.SeccompProfilePath';

/**
 * Parses what ContainerStatus reports with `verbose`: the OCI runtime spec of the container.
 *
 * Accepts only profiles that can be the default profile: they deny by default and have no listener.
 * CRI-O's seccomp notifier, which a pod can request, turns denials of the default profile into
 * notifications. Privileged containers and containers restored from a checkpoint have other
 * profiles.
 *
 * @param info `info["info"]`: JSON text, undefined if it is missing.
 */
export function parseContainerReport(info: string | undefined): ContainerReport | NoReport {
  if (info === undefined) return { unusable: 'the runtime does not report the spec of containers' };
  const document = readJson(new TextEncoder().encode(info), 'ContainerStatus', limits);
  const spec = memberOf(document.root, 'runtimeSpec');
  for (const name of ['privileged', 'restored']) {
    const flag = memberOf(document.root, name);
    if (flag?.type === 'boolean' && flag.value) return { unusable: `the container is ${name}` };
  }
  const asked = memberOf(spec, 'annotations', profileAnnotation);
  if (asked?.type === 'string' && asked.value !== 'RuntimeDefault') {
    return { unusable: 'the container runs under another profile' };
  }
  const seccomp = memberOf(spec, 'linux', 'seccomp');
  if (seccomp?.type !== 'object') return { unusable: 'the container has no seccomp profile' };
  const capabilities = boundingSet(memberOf(spec, 'process', 'capabilities', 'bounding'));
  if (capabilities === undefined) return { unusable: 'invalid bounding set: want a list of names' };
  const profile = parse({ ...document, root: seccomp });
  return 'unusable' in profile ? profile : { profile, capabilities };
}

function parse(document: JsonDocument): SeccompProfile | NoReport {
  const { profile, unknownFields } = parseSeccomp(document);
  if (unknownFields.length > 0) return { unusable: 'the profile has unknown fields' };
  const { defaultAction, listenerPath, syscalls = [] } = profile;
  if (strictness({ action: defaultAction }) < strictness({ action: 'SCMP_ACT_ERRNO' })) {
    return { unusable: `the profile has the default action ${defaultAction}` };
  }
  if (listenerPath !== undefined || syscalls.some(({ action }) => action === 'SCMP_ACT_NOTIFY')) {
    return { unusable: 'the profile has a listener' };
  }
  return profile;
}

/**
 * Returns the bounding set: empty if it is absent, undefined if it is not a list of strings.
 */
function boundingSet(node: JsonNode | undefined): readonly string[] | undefined {
  if (node === undefined || node.type === 'null') return [];
  if (node.type !== 'array') return undefined;
  const names = Array.from(node.items, (item) => (item.type === 'string' ? item.value : undefined));
  const texts = names.filter((name) => name !== undefined);
  return texts.length === names.length ? [...new Set(texts)].sort() : undefined;
}

function memberOf(node: JsonNode | undefined, ...path: readonly string[]): JsonNode | undefined {
  return path.reduce<JsonNode | undefined>(
    (parent, name) => (parent?.type === 'object' ? parent.members.get(name)?.value : undefined),
    node,
  );
}
