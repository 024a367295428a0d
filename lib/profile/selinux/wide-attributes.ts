/**
 * Attributes that hold a type which no profile may name (see validate.ts): a rule for the attribute
 * is a rule for that type. Computed with setools from the reference policy 2.20221101, as Debian
 * builds it. The last three hold the container runtime, and files of the policy, if there is a
 * policy for containers as in Fedora.
 */
export const wideAttributes: readonly string[] = [
  ...[
    'application_domain_type',
    'can_change_object_identity',
    'can_change_process_identity',
    'can_change_process_role',
  ],
  ...['can_load_kernmodule', 'can_load_policy', 'can_read_shadow_passwords', 'can_relabelto_binary_policy'],
  ...['can_relabelto_shadow_passwords', 'can_write_shadow_passwords', 'corenet_unconfined_type'],
  ...['dbusd_system_bus_client', 'dbusd_unconfined', 'device_node', 'devices_unconfined_type', 'domain', 'file_type'],
  ...['files_unconfined_type', 'filesystem_type', 'filesystem_unconfined_type', 'init_mountpoint_type'],
  ...['init_run_all_scripts_domain', 'kern_unconfined', 'mountpoint', 'non_auth_file_type', 'non_security_file_type'],
  ...[
    'nsswitch_domain',
    'privfd',
    'proc_type',
    'process_uncond_exempt',
    'process_user_target',
    'selinux_unconfined_type',
  ],
  ...['sepgsql_unconfined_type', 'storage_unconfined_type', 'systemprocess', 'ubac_constrained_type'],
  ...['unconfined_application_exec_domain', 'unconfined_domain_type', 'userdomain', 'x_domain', 'xcolormap_type'],
  ...['xdrawable_type', 'xserver_unconfined_type'],
  ...['container_runtime_domain', 'daemon', 'security_file_type'],
];

/**
 * Names that compilers give to the attributes that they make of expressions; their members are
 * unknown.
 */
export const generatedAttribute = /_typeattr_[0-9]+$/;
