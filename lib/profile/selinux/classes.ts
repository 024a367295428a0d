/**
 * Object classes of the Linux kernel and their permissions (security/selinux/include/classmap.h),
 * for advice only: the policy of a node may have others, of user-space managers such as systemd or
 * D-Bus.
 */
const fileAndSocket = 'ioctl read write create getattr setattr lock relabelfrom relabelto append map';
const file = `${fileAndSocket} unlink link rename execute quotaon mounton audit_access open execmod watch watch_mount watch_sb watch_with_perm watch_reads watch_mountns`;
const socket = `${fileAndSocket} bind connect listen accept getopt setopt shutdown recvfrom sendto name_bind`;
const netlink = `${socket} nlmsg_read nlmsg_write nlmsg`;
const ipc = 'create destroy getattr setattr read write associate unix_read unix_write';
const capability =
  'chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap';
const capability2 = 'mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore';

const plainSockets =
  'socket netlink_socket packet_socket key_socket unix_dgram_socket netlink_nflog_socket netlink_selinux_socket netlink_iscsi_socket netlink_fib_lookup_socket netlink_connector_socket netlink_netfilter_socket netlink_dnrt_socket netlink_kobject_uevent_socket netlink_generic_socket netlink_scsitransport_socket netlink_rdma_socket netlink_crypto_socket appletalk_socket ax25_socket ipx_socket netrom_socket atmpvc_socket x25_socket rose_socket decnet_socket atmsvc_socket rds_socket irda_socket pppox_socket llc_socket can_socket tipc_socket bluetooth_socket iucv_socket rxrpc_socket isdn_socket phonet_socket ieee802154_socket caif_socket alg_socket nfc_socket vsock_socket kcm_socket qipcrtr_socket smc_socket xdp_socket mctp_socket';

const table: Readonly<Record<string, string>> = {
  ...Object.fromEntries(plainSockets.split(' ').map((name) => [name, socket])),
  security:
    'compute_av compute_create compute_member check_context load_policy compute_relabel compute_user setenforce setbool setsecparam setcheckreqprot read_policy validate_trans',
  process:
    'fork transition sigchld sigkill sigstop signull signal ptrace getsched setsched getsession getpgid setpgid getcap setcap share getattr setexec setfscreate noatsecure siginh setrlimit rlimitinh dyntransition setcurrent execmem execstack execheap setkeycreate setsockcreate getrlimit',
  process2: 'nnp_transition nosuid_transition',
  system: 'ipc_info syslog_read syslog_mod syslog_console module_request module_load',
  capability,
  cap_userns: capability,
  capability2,
  cap2_userns: capability2,
  filesystem: 'mount remount unmount getattr relabelfrom relabelto associate quotamod quotaget watch',
  file: `${file} execute_no_trans entrypoint`,
  dir: `${file} add_name remove_name reparent search rmdir`,
  fd: 'use',
  lnk_file: file,
  chr_file: file,
  blk_file: file,
  sock_file: file,
  fifo_file: file,
  anon_inode: file,
  tcp_socket: `${socket} node_bind name_connect`,
  dccp_socket: `${socket} node_bind name_connect`,
  sctp_socket: `${socket} node_bind name_connect association`,
  udp_socket: `${socket} node_bind`,
  rawip_socket: `${socket} node_bind`,
  icmp_socket: `${socket} node_bind`,
  tun_socket: `${socket} attach_queue`,
  unix_stream_socket: `${socket} connectto`,
  netlink_route_socket: netlink,
  netlink_tcpdiag_socket: netlink,
  netlink_xfrm_socket: netlink,
  netlink_audit_socket: `${netlink} nlmsg_relay nlmsg_readpriv nlmsg_tty_audit`,
  // The first four of node are of older kernels; policies still have them.
  node: 'tcp_recv tcp_send udp_recv udp_send recvfrom sendto',
  netif: 'ingress egress',
  sem: ipc,
  ipc,
  shm: `${ipc} lock`,
  msgq: `${ipc} enqueue`,
  msg: 'send receive',
  association: 'sendto recvfrom setcontext polmatch',
  packet: 'send recv relabelto forward_in forward_out',
  peer: 'recv',
  key: 'view read write search link setattr create',
  memprotect: 'mmap_zero',
  kernel_service: 'use_as_override create_files_as',
  binder: 'impersonate call set_context_mgr transfer',
  infiniband_pkey: 'access',
  infiniband_endport: 'manage_subnet',
  bpf: 'map_create map_read map_write prog_load prog_run',
  perf_event: 'open cpu kernel tracepoint read write',
  io_uring: 'override_creds sqpoll cmd allowed',
  user_namespace: 'create',
};

/** Class -> its permissions. */
export const kernelClasses: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(table).map(([name, permissions]) => [name, new Set(permissions.split(' '))]),
);
