/** The profiles of a container, as its runtime reports them; absent if it does not. */
export interface ReportedProfiles {
  readonly seccomp?: string;
  readonly appArmor?: string;
}

/** The types of profiles that have no path, by their numbers. */
const profileTypes = ['RuntimeDefault', 'Unconfined'];

/** Reports whether a container was created under the default profile of its runtime. */
export function isRuntimeDefault({ seccomp }: ReportedProfiles): boolean {
  return seccomp === 'RuntimeDefault' || seccomp === 'runtime/default';
}

/**
 * Reads the profiles of a container from what the runtime reports of it.
 *
 * @param info `info["info"]` of ContainerStatus: JSON text, undefined if it is missing.
 */
export function reportedProfiles(info: string | undefined): ReportedProfiles {
  const report = parse(info);
  const appArmor = member(report, 'runtimeSpec', 'process', 'apparmorProfile');
  const path = member(report, 'config', 'linux', 'security_context', 'seccomp', 'localhost_ref');
  const annotated = member(report, 'runtimeSpec', 'annotations', 'io.kubernetes.cri-o.SeccompProfilePath');
  const requested = member(report, 'config', 'linux', 'security_context', 'seccomp');
  // containerd leaves out the number of RuntimeDefault, 0.
  const type = requested === undefined ? undefined : profileTypes[Number(member(requested, 'profile_type') ?? 0)];
  const hasFilter = member(report, 'runtimeSpec', 'linux', 'seccomp') !== undefined;
  const known = member(report, 'runtimeSpec') === undefined ? undefined : hasFilter ? 'a profile' : 'none';
  const seccomp = [path, annotated, type, known].find((text) => typeof text === 'string' && text !== '');
  return {
    ...(typeof seccomp === 'string' ? { seccomp } : {}),
    ...(typeof appArmor === 'string' && appArmor !== '' ? { appArmor } : {}),
  };
}

/** Reports whether the runtime reports what a container is started with. `info` as above. */
export function isSpecReported(info: string | undefined): boolean {
  return member(parse(info), 'runtimeSpec') !== undefined;
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // A report that cannot be read is as good as none.
    return undefined;
  }
}

/** Returns undefined for a member that is missing or null. */
function member(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (object, name) =>
      (typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined) ?? undefined,
    value,
  );
}
