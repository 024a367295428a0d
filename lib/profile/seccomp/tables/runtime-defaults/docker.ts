import { v2_1_0 as containerd2_1 } from './containerd.ts';
import { enosys, exceptVsock, exceptVsockAndAlg } from './shared-rules.ts';
import { allow, type RuntimeDefaultTable, refuse, revise } from './table.ts';

const source = (tag: string, commit: string): string =>
  `github.com/moby/profiles, tag seccomp/${tag} (commit ${commit}), seccomp/default.json`;

/** The same rules as containerd 2.1 has. */
const v25_0_3: RuntimeDefaultTable = {
  ...containerd2_1,
  runtime: 'docker',
  versions: [
    ['25.0.3', '25.0.17'],
    ['26.0.0', '26.1'],
    ['27.0.0', '27.5'],
    ['28.0.0', '28.1'],
  ],
  source:
    'github.com/moby/moby, tag v25.0.3 (commit f417435e5f6216828dec57958c490c4f8bae4f98), profiles/seccomp/default.json',
};

const v28_2_0 = revise(v25_0_3, {
  versions: [
    ['28.2.0', '28.5.2'],
    ['29.0.0', '29.4.1'],
  ],
  source: source('v0.1.0', 'c936cc7b4074219137bc0bee45670f5e4618d462'),
  add: [
    allow('getxattrat listmount listxattrat mseal removexattrat riscv_hwprobe setxattrat statmount uretprobe'),
    allow('lsm_get_self_attr lsm_list_modules lsm_set_self_attr', { allCaps: ['CAP_SYS_ADMIN'] }),
  ],
});

const v29_4_2 = revise(v28_2_0, {
  versions: [['29.4.2', '29.4.2']],
  source: source('v0.2.2', 'd62da2729e94ffb023ed7c5e215f65a726fafd82'),
  remove: [...exceptVsock, allow('socketcall')],
  add: [...exceptVsockAndAlg, refuse(enosys, 'socketcall')],
});

const v29_4_3 = revise(v29_4_2, {
  versions: [['29.4.3', '29.7.2']],
  source: source('v0.2.3', '836ae4d37ef2ec995c77c99fc55f5b5f3af3a897'),
  remove: [refuse(enosys, 'socketcall')],
  add: [allow('socketcall')],
});

/** The default profiles of Docker, oldest first. */
export const docker: readonly RuntimeDefaultTable[] = [v25_0_3, v28_2_0, v29_4_2, v29_4_3];
