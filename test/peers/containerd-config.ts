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
}

/**
 * The configuration file of containerd, in TOML, in the form of its version.
 * - `restrict_oom_score_adj`: a root without CAP_SYS_RESOURCE, as in many containers, may not lower the score.
 * - The native snapshotter copies the 2 MB of the test image, and works on every file system.
 * - NRI, opt and netns would be shared with a containerd of the machine: off, or moved below the folder.
 */
export function containerdConfig(version: '2' | '1.6', paths: ContainerdPaths): string {
  const common = `root = ${quote(path.join(paths.folder, 'root'))}
state = ${quote(path.join(paths.folder, 'state'))}
[grpc]
  address = ${quote(paths.socket)}
`;
  return version === '2' ? `version = 3\n${common}${version2(paths)}` : `version = 2\n${common}${version1(paths)}`;
}

function version2({ folder, runc, cniPlugins, cniConfig }: ContainerdPaths): string {
  return `[plugins."io.containerd.internal.v1.opt"]
  path = ${quote(path.join(folder, 'opt'))}
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "native"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = ${quote(pauseReference)}
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = [${quote(cniPlugins)}]
    conf_dir = ${quote(cniConfig)}
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = ${quote(runc)}
      SystemdCgroup = false
`;
}

function version1({ folder, runc, cniPlugins, cniConfig }: ContainerdPaths): string {
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
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = ${quote(runc)}
        SystemdCgroup = false
`;
}

/** A TOML basic string; JSON's escapes are among TOML's. */
function quote(text: string): string {
  return JSON.stringify(text);
}
