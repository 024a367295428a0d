import path from 'node:path';
import { pauseReference } from './image.ts';

/** What a containerd of the tests is to use. */
export interface ContainerdPaths {
  /** Everything that containerd keeps lies below. */
  readonly folder: string;
  readonly socket: string;
  readonly runc: string;
  readonly cniPlugins: string;
  readonly cniConfig: string;
  /** The file of the base spec of a second handler, {@link basedHandler}; none without it. */
  readonly baseSpec?: string;
}

/** The handler whose containers begin with a base spec. */
export const basedHandler = 'based';

/**
 * The configuration file of containerd, in TOML, in the form of its version.
 * - `restrict_oom_score_adj`: a root without CAP_SYS_RESOURCE, as in many containers, may not lower
 *   the score.
 * - The native snapshotter copies the 2 MB of the test image, and works on every file system. The
 *   transfer service, which pulls images otherwise, unpacks for overlayfs only.
 * - NRI, opt and netns would be shared with a containerd of the machine: off, or moved below the
 *   folder.
 */
export function containerdConfig(version: '2' | '1.6', paths: ContainerdPaths): string {
  const common = `root = ${quote(path.join(paths.folder, 'root'))}
state = ${quote(path.join(paths.folder, 'state'))}
[grpc]
  address = ${quote(paths.socket)}
`;
  const form = version === '2' ? 'version = 3' : 'version = 2';
  return `${form}\n${common}${version === '2' ? version2(paths) : version1(paths)}`;
}

function version2({ folder, runc, cniPlugins, cniConfig, baseSpec }: ContainerdPaths): string {
  return `[plugins."io.containerd.internal.v1.opt"]
  path = ${quote(path.join(folder, 'opt'))}
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "native"
  use_local_image_pull = true
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = ${quote(pauseReference)}
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = [${quote(cniPlugins)}]
    conf_dir = ${quote(cniConfig)}
${runtimes('plugins."io.containerd.cri.v1.runtime".containerd.runtimes', runc, baseSpec)}`;
}

function version1({ folder, runc, cniPlugins, cniConfig, baseSpec }: ContainerdPaths): string {
  return `[plugins."io.containerd.internal.v1.opt"]
  path = ${quote(path.join(folder, 'opt'))}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${quote(pauseReference)}
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${quote(cniPlugins)}
    conf_dir = ${quote(cniConfig)}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
${runtimes('plugins."io.containerd.grpc.v1.cri".containerd.runtimes', runc, baseSpec)}`;
}

function runtimes(table: string, runc: string, baseSpec: string | undefined): string {
  const handler = (name: string, setting: string): string => `[${table}.${name}]
  runtime_type = "io.containerd.runc.v2"
${setting}  [${table}.${name}.options]
    BinaryName = ${quote(runc)}
    SystemdCgroup = false
`;
  const based = baseSpec === undefined ? '' : handler(basedHandler, `  base_runtime_spec = ${quote(baseSpec)}\n`);
  return `${handler('runc', '')}${based}`;
}

/** A TOML basic string; JSON's escapes are among TOML's. */
function quote(text: string): string {
  return JSON.stringify(text);
}
