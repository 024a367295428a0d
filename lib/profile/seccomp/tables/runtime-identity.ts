/**
 * The runtimes whose default profiles are known, as they name themselves in the CRI; `docker` is
 * behind cri-dockerd.
 */
export type RuntimeName = 'containerd' | 'cri-o' | 'docker';

/** A runtime and its release. */
export interface RuntimeIdentity {
  readonly name: RuntimeName;
  /** As the runtime reports it: `2.1.9+unknown`, `1.7.24-0ubuntu1`, `1.37.0`. */
  readonly version: string;
}

/** Every runtime whose default profiles are known. */
export const runtimeNames: readonly RuntimeName[] = ['containerd', 'cri-o', 'docker'];

const reducedCapabilities = 'CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETPCAP SETUID';
const usualCapabilities = `AUDIT_WRITE ${reducedCapabilities} MKNOD NET_RAW SETFCAP SYS_CHROOT`;

/**
 * containerd: oci.defaultUnixCaps; CRI-O: the default of default_capabilities in crio.conf(5);
 * Docker: oci/caps, DefaultCapabilities. The same in all releases that have a table.
 */
const capabilitySets: Readonly<Record<RuntimeName, readonly string[]>> = {
  containerd: named(usualCapabilities),
  'cri-o': named(reducedCapabilities),
  docker: named(usualCapabilities),
};

/**
 * Returns the identity of the runtime that a CRI `Version` response describes.
 *
 * @param runtimeName its `runtime_name`; `crio` is accepted for `cri-o`.
 * @param runtimeVersion its `runtime_version`, which may be anything.
 * @returns undefined for a runtime whose default profiles are not known.
 */
export function parseRuntimeIdentity(runtimeName: string, runtimeVersion: string): RuntimeIdentity | undefined {
  const lower = runtimeName.trim().toLowerCase();
  const name = runtimeNames.find((known) => known === lower || known.replace('-', '') === lower);
  return name && { name, version: runtimeVersion.trim() };
}

/**
 * Returns the capabilities of a container that asks for none, as `CAP_…`, sorted, if its
 * configuration does not set others. An unknown runtime is treated as the one with the fewest: the
 * fewer there are, the stricter is every default profile.
 */
export function defaultCapabilities(name: RuntimeName | undefined): readonly string[] {
  return capabilitySets[name ?? 'cri-o'];
}

function named(names: string): readonly string[] {
  return names
    .split(' ')
    .map((name) => `CAP_${name}`)
    .sort();
}
