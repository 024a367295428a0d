import type { Document } from './served-apis.ts';

/** An object as people have it in their repositories. */
export interface ExampleObject {
  readonly kind: string;
  readonly name: string;
  /** `older` alone if it is in the form of versions before 1.0. */
  readonly versions: readonly ('v1' | 'older')[];
  readonly content: Document;
}

const both = ['v1', 'older'] as const;

const dangerous = [
  ...['acct', 'add_key', 'bpf', 'clock_adjtime', 'clock_settime', 'create_module', 'delete_module', 'finit_module'],
  ...['get_kernel_syms', 'init_module', 'ioperm', 'iopl', 'kcmp', 'kexec_file_load', 'kexec_load', 'keyctl'],
  ...['lookup_dcookie', 'mbind', 'mount', 'move_pages', 'name_to_handle_at', 'nfsservctl', 'open_by_handle_at'],
  ...['perf_event_open', 'personality', 'pivot_root', 'ptrace', 'query_module', 'quotactl', 'reboot', 'request_key'],
  ...['setns', 'settimeofday', 'swapoff', 'swapon', 'umount', 'umount2', 'unshare', 'userfaultfd', 'ustat'],
];

const seccomp: ExampleObject[] = [
  ...(['SCMP_ACT_ERRNO', 'SCMP_ACT_LOG', 'SCMP_ACT_ALLOW'] as const).map(
    (defaultAction, at): ExampleObject => ({
      kind: 'SeccompProfile',
      name: ['block-all', 'complain', 'allow'][at] ?? '',
      versions: both,
      content: { spec: { defaultAction } },
    }),
  ),
  {
    kind: 'SeccompProfile',
    name: 'complain-block-high-risk',
    versions: both,
    content: {
      spec: {
        defaultAction: 'SCMP_ACT_LOG',
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [
          { action: 'SCMP_ACT_ALLOW', names: ['exit', 'exit_group', 'futex', 'nanosleep'] },
          { action: 'SCMP_ACT_ERRNO', names: dangerous },
        ],
      },
    },
  },
  {
    kind: 'SeccompProfile',
    name: 'from-artifact',
    versions: both,
    content: {
      spec: {
        state: 'Enabled',
        defaultAction: 'SCMP_ACT_ERRNO',
        baseProfileName: 'oci://ghcr.io/security-profiles/runc:v1.4.2',
        flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
        listenerPath: '/var/run/security-profiles-operator/agent.sock',
        listenerMetadata: 'nginx',
        syscalls: [
          {
            names: ['clone'],
            action: 'SCMP_ACT_ALLOW',
            errnoRet: 0,
            args: [{ index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
          },
          {
            names: ['personality'],
            action: 'SCMP_ACT_ALLOW',
            args: [{ index: 0, value: 4294967295, op: 'SCMP_CMP_EQ' }],
          },
        ],
      },
    },
  },
  {
    kind: 'SeccompProfile',
    name: 'disabled-before-1',
    versions: ['older'],
    content: { spec: { disabled: true, defaultAction: 'SCMP_ACT_ERRNO' } },
  },
];

const selinux: ExampleObject[] = [
  {
    kind: 'SelinuxProfile',
    name: 'errorlogger',
    versions: both,
    content: {
      spec: {
        inherit: [{ name: 'container' }, { kind: 'SelinuxProfile', name: 'base' }],
        allow: {
          var_log_t: {
            dir: ['open', 'read', 'getattr', 'lock', 'search', 'ioctl', 'add_name', 'remove_name', 'write'],
            file: ['getattr', 'read', 'write', 'append', 'ioctl', 'lock', 'map', 'open', 'create'],
            sock_file: ['getattr', 'read', 'write', 'append', 'open'],
          },
          '@self': { tcp_socket: ['listen'] },
        },
      },
    },
  },
  {
    kind: 'SelinuxProfile',
    name: 'permissive-before-1',
    versions: ['older'],
    content: { spec: { permissive: true, disabled: false, allow: { var_log_t: { dir: ['open'] } } } },
  },
  {
    kind: 'RawSelinuxProfile',
    name: 'errorlogger',
    versions: both,
    content: {
      spec: {
        policy:
          '(blockinherit container)\n(allow process var_log_t ( dir ( open read getattr lock search )))\n; a comment (\n',
      },
    },
  },
];

const apparmor: ExampleObject[] = [
  {
    kind: 'AppArmorProfile',
    name: 'empty-lists',
    versions: both,
    content: { spec: { abstract: { filesystem: { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [] } } } },
  },
  {
    kind: 'AppArmorProfile',
    name: 'recorded',
    versions: both,
    content: {
      spec: {
        mode: 'Complain',
        abstract: {
          executable: { allowedExecutables: ['/bin/busybox', '/usr/bin/*'], allowedLibraries: ['/lib/ld-musl-*.so.1'] },
          filesystem: {
            readOnlyPaths: ['/@{pid}/mounts', '/etc/passwd', '/proc/sys/kernel/**'],
            writeOnlyPaths: ['/dev/pts/0'],
            readWritePaths: ['/var/lib/containers/storage/overlay/*/merged/tmp/**'],
          },
          network: { allowRaw: false, allowedProtocols: { allowTcp: true, allowUdp: true } },
          capability: { allowedCapabilities: ['net_bind_service', 'sys_admin'] },
        },
      },
    },
  },
  {
    kind: 'AppArmorProfile',
    name: 'complain-before-1',
    versions: ['older'],
    content: { spec: { complainMode: true, disabled: true, abstract: { network: { allowRaw: true } } } },
  },
];

const bindings: ExampleObject[] = ['nginx:1.19.1', '*'].map((image, at) => ({
  kind: 'ProfileBinding',
  name: `binding-${at}`,
  versions: both,
  content: { spec: { profileRef: { kind: 'SeccompProfile', name: 'profile-allow-unsafe' }, image } },
}));

const podSelector = { matchLabels: { app: 'my-app' } };
const recordings: ExampleObject[] = (
  [
    ['SeccompProfile', 'Bpf', {}],
    ['SeccompProfile', 'Logs', { containers: ['nginx'] }],
    ['SelinuxProfile', 'Logs', { mergeStrategy: 'Containers', disableProfileAfterRecording: true }],
    ['AppArmorProfile', 'Bpf', {}],
  ] as const
).flatMap(([kind, recorder, more], at): ExampleObject[] => [
  {
    kind: 'ProfileRecording',
    name: `recording-${at}`,
    versions: ['v1'],
    content: { spec: { kind, recorder, podSelector, ...more } },
  },
  {
    kind: 'ProfileRecording',
    name: `recording-${at}`,
    versions: ['older'],
    content: {
      spec: {
        ...{ kind, recorder: recorder.toLowerCase(), podSelector, ...more },
        ...('mergeStrategy' in more ? { mergeStrategy: 'containers' } : {}),
      },
    },
  },
]);

const settings: ExampleObject[] = [
  {
    kind: 'SecurityProfilesOperatorDaemon',
    name: 'spod',
    versions: both,
    content: {
      spec: { selinux: { enable: false }, enricher: { enableLogEnricher: false }, enableAppArmor: false },
    },
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    name: 'spod-full',
    versions: ['v1'],
    content: {
      spec: {
        verbosity: 1,
        hostProcVolumePath: '/proc/host',
        imagePullSecrets: [{ name: 'registry' }],
        daemonResourceRequirements: { limits: { memory: '128Mi' }, requests: { cpu: '100m', memory: 67108864 } },
        selinux: {
          enable: true,
          enableRawSelinuxProfiles: false,
          options: { allowedSystemProfiles: ['container', 'net_container'], deniedTypes: ['etc_t'] },
          customTemplatesConfigMap: 'templates',
        },
        enricher: {
          enableJsonEnricher: true,
          jsonEnricherFilters: '[{"priority":100,"level":"None"}]',
          jsonEnricherOptions: { auditLogIntervalSeconds: 20, auditLogPath: '/var/log/audit.json' },
          logEnricherSource: 'Bpf',
        },
        webhook: {
          options: [
            {
              name: 'binding.spo.io',
              failurePolicy: 'Ignore',
              namespaceSelector: { matchExpressions: [{ key: 'spo.x-k8s.io/enable-binding', operator: 'Exists' }] },
            },
          ],
        },
        scheduling: { tolerations: [{ operator: 'Exists' }], priorityClassName: 'high' },
        security: { allowedSyscalls: ['read'], allowedIdentityRegexp: '^https://github.com/acme/.*$' },
      },
    },
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    name: 'spod-before-1',
    versions: ['older'],
    content: {
      spec: {
        verbosity: 1,
        enableSelinux: true,
        selinuxTypeTag: 'spc_t',
        selinuxOptions: { allowedSystemProfiles: ['container', 'net_container'] },
        enableLogEnricher: true,
        enableJsonEnricher: true,
        enableBpfRecorder: true,
        jsonEnricherOptions: { auditLogIntervalSeconds: 20 },
        logEnricherFilters: '[]',
        jsonEnricherFilters: '[]',
        logEnricherSource: 'auditd',
        staticWebhookConfig: false,
        webhookOptions: [{ name: 'recording.spo.io', failurePolicy: 'Fail', objectSelector: podSelector }],
        tolerations: [{ effect: 'NoSchedule', key: 'node-role.kubernetes.io/master', operator: 'Exists' }],
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] }],
            },
          },
        },
        priorityClassName: 'system-node-critical',
        allowedSyscalls: ['read', 'write'],
        allowedSeccompActions: ['SCMP_ACT_ALLOW'],
        disableOciArtifactSignatureVerification: true,
      },
    },
  },
  {
    kind: 'SecurityProfileNodeStatus',
    name: 'nginx-node-1',
    versions: both,
    content: { spec: { nodeName: 'node-1' } },
  },
  {
    kind: 'SecurityProfileNodeStatus',
    name: 'nginx-node-2-before-1',
    versions: ['older'],
    content: { nodeName: 'node-2' },
  },
];

/** Objects of all kinds, in the forms in which people have them. */
export const exampleObjects: readonly ExampleObject[] = [
  ...seccomp,
  ...selinux,
  ...apparmor,
  ...bindings,
  ...recordings,
  ...settings,
];
