/** Where the parts of a node are by default, for the shim and the commands that ask or check it. */
export const nodeDefaults = {
  /** Socket of the shim for the kubelet. */
  listen: 'unix:///run/fairlead/shim.sock',
  /** Socket of the container runtime. */
  runtime: 'unix:///run/containerd/containerd.sock',
  /** Socket of the shim for administrators, in the packaged unit. */
  admin: 'unix:///run/fairlead/admin.sock',
  /** Socket of `fairlead lsm`. */
  lsm: 'unix:///run/fairlead/lsm.sock',
  /** File of the trust policy, in the packaged unit. */
  policy: '/etc/fairlead/policy.yaml',
  state: '/var/lib/fairlead',
  /** The kubelet's directory for seccomp profiles. */
  seccompRoot: '/var/lib/kubelet/seccomp',
} as const;
