import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { intersectAppArmor } from '#lib/profile/apparmor/intersect';
import { lintAppArmor } from '#lib/profile/apparmor/lint';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import { describePeers } from '#test/peers/require';
import { startVm, type Vm } from '#test/peers/vm';
import { listCases, operationsOf, permittedOf, profileOf } from '#test/support/kernel/apparmor-lists';
import { runInGuest } from '#test/support/kernel/guest-container';
import { type AppArmorEvent, type Attempt, GuestPolicies } from '#test/support/kernel/guest-policies';
import { installInGuest } from '#test/support/kernel/guest-program';
import { describeLoader } from '#test/support/kernel/loader-cases';
import { describeArtifactsOnNode } from '#test/support/kernel/node/artifact-cases';
import { nodeRequirements } from '#test/support/kernel/node/guest-node';

const nothing = { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [] };

/**
 * A profile with every section, of which the operations below are permitted, denied by a deny rule,
 * or not listed.
 */
const narrow: AppArmorProfile = {
  mode: 'Enforce',
  executable: { allowedExecutables: ['/tmp/w/allowed'], allowedLibraries: ['/tmp/w/library'] },
  filesystem: {
    readOnlyPaths: ['/tmp/w/read', '/proc/*/environ'],
    writeOnlyPaths: ['/tmp/w/write'],
    readWritePaths: ['/tmp/w/free', '/proc/sys/kernel/shmmax', '@{sys}/fs/cgroup/**'],
  },
  network: { allowRaw: false, allowTcp: true, allowUdp: false },
};

const narrowPermits = [
  ...['read /tmp/w/read', 'write /tmp/w/write', 'read /tmp/w/free', 'write /tmp/w/free', 'lock /tmp/w/free'],
  ...['write /proc/sys/kernel/shmmax', 'write /sys/fs/cgroup/cgroup.procs'],
  ...['read /tmp/w/library', 'map /tmp/w/library', 'map /tmp/w/allowed'],
  ...['execute /tmp/w/allowed', 'execute-nnp /tmp/w/allowed'],
  ...['socket 1 1', 'socket 2 1', 'socket 10 1'],
  ...['trace confined', 'environment confined', 'signal confined'],
  'umount /tmp/w/mounted',
];

/**
 * Each with the event that a policy in complain mode must log: its operation, and its name or
 * capability.
 */
type Events = Readonly<Record<string, readonly [operation: string, name?: string]>>;

const deniedByRule: Events = {
  'write /proc/sysrq-trigger': ['open', '/proc/sysrq-trigger'],
  'read /proc/kcore': ['open', '/proc/kcore'],
  'write /proc/irq/default_smp_affinity': ['open', '/proc/irq/default_smp_affinity'],
  'write /proc/sys/vm/overcommit_memory': ['open', '/proc/sys/vm/overcommit_memory'],
  'write /proc/sys/kernel/core_pattern': ['open', '/proc/sys/kernel/core_pattern'],
  'write /sys/kernel/mm/transparent_hugepage/enabled': ['open', '/sys/kernel/mm/transparent_hugepage/enabled'],
  'read /sys/kernel/security/apparmor/profiles': ['open', '/sys/kernel/security/apparmor/profiles'],
  'execute /sys/kernel/mm/ksm/run': ['exec', '/sys/kernel/mm/ksm/run'],
  'mount /tmp/w/directory': ['mount', '/tmp/w/directory/'],
  'bind-mount /tmp/w/free /tmp/w/read': ['mount', '/tmp/w/read'],
  'remount /tmp/w/remounted': ['mount', '/tmp/w/remounted/'],
  'private /': ['mount', '/'],
};

const notListed: Events = {
  'read /tmp/w/other': ['open', '/tmp/w/other'],
  'read /tmp/w/write': ['open', '/tmp/w/write'],
  'write /tmp/w/read': ['open', '/tmp/w/read'],
  'link /tmp/w/other /tmp/w/link': ['link', '/tmp/w/link'],
  'lock /tmp/w/read': ['file_lock', '/tmp/w/read'],
  'map /tmp/w/read': ['file_mmap', '/tmp/w/read'],
  'execute /tmp/w/other': ['exec', '/tmp/w/other'],
  'execute /tmp/w/library': ['exec', '/tmp/w/library'],
  'execute-nnp /tmp/w/other': ['exec', '/tmp/w/other'],
  'socket 2 2': ['create'],
  'socket 2 3': ['create'],
  'socket 16 3': ['create'],
  'socket 17 3': ['create'],
};

/** Of the kinds that a profile cannot list. */
const neverListed: Events = {
  'trace unconfined': ['ptrace'],
  'environment unconfined': ['ptrace'],
  'signal unconfined': ['signal'],
  'signal other': ['signal'],
  // Moves the root of the namespace: the last one.
  'pivot /tmp/w/root /tmp/w/root/old': ['pivotroot', '/tmp/w/root/'],
};

/** A part of sys_admin is listed, for which a deny rule is written, and one more. */
const capable: AppArmorProfile = { mode: 'Enforce', capability: { allowedCapabilities: ['bpf', 'chown'] } };
const capableDeniedByRule: Events = { hostname: ['capable', 'sys_admin'] };
const capableNotListed: Events = {
  chroot: ['capable', 'sys_chroot'],
  nice: ['capable', 'sys_nice'],
  'mknod /tmp/w/node': ['capable', 'mknod'],
  bind: ['capable', 'net_bind_service'],
};

interface Subject {
  readonly profile: AppArmorProfile;
  readonly permits: readonly string[];
  readonly deniedByRule: Events;
  readonly notListed: Events;
}

const subjects: Readonly<Record<string, Subject>> = {
  narrow: { profile: narrow, permits: narrowPermits, deniedByRule, notListed: { ...notListed, ...neverListed } },
  capable: {
    profile: capable,
    permits: ['chown /tmp/w/free'],
    deniedByRule: capableDeniedByRule,
    notListed: capableNotListed,
  },
  open: {
    profile: runtimeDefaultAppArmor,
    permits: [...narrowPermits, ...Object.keys(notListed), 'hostname', ...Object.keys(capableNotListed)],
    deniedByRule,
    notListed: neverListed,
  },
};

const pair: readonly [AppArmorProfile, AppArmorProfile] = [
  { ...narrow, capability: { allowedCapabilities: ['chown', 'sys_chroot', 'sys_admin'] } },
  {
    mode: 'Enforce',
    executable: { allowedExecutables: ['/tmp/w/*'], allowedLibraries: [] },
    filesystem: { ...nothing, readOnlyPaths: ['/tmp/w/**'], writeOnlyPaths: ['/tmp/w/{free,read}'] },
    network: { allowRaw: true, allowTcp: true, allowUdp: true },
    capability: { allowedCapabilities: ['chown', 'sys_nice'] },
  },
];

/** Policies of containers. */
const containers: Readonly<Record<string, AppArmorProfile>> = {
  container: {
    mode: 'Enforce',
    executable: { allowedExecutables: ['/bin/busybox'], allowedLibraries: [] },
    filesystem: { ...nothing, readOnlyPaths: ['/', '/etc/listed'], readWritePaths: ['/dev/null'] },
  },
  'container-complaining': {
    mode: 'Complain',
    executable: { allowedExecutables: [], allowedLibraries: [] },
    filesystem: nothing,
    network: { allowRaw: false, allowTcp: false, allowUdp: false },
    capability: { allowedCapabilities: [] },
  },
  'container-of-nothing': { mode: 'Enforce', executable: { allowedExecutables: [], allowedLibraries: [] } },
};

/** Reports whether an event is what the operation must have left. */
function isEvent({ fields }: AppArmorEvent, [operation, name]: readonly [string, string?]): boolean {
  return (
    fields['operation'] === operation && (name === undefined || [fields['name'], fields['capname']].includes(name))
  );
}

/** Returns the policy in complain mode as it would be with the deny rules of the enforcing one. */
function complainingWithDenyRules(profile: AppArmorProfile, name: string): string {
  const policy = renderAppArmorPolicy(profile, { name });
  const complaining = policy.replace('mediate_deleted)', 'mediate_deleted,complain)');
  assert.notEqual(complaining, policy);
  return complaining;
}

function operationsOn({ permits, deniedByRule, notListed }: Subject): readonly string[] {
  return [...permits, ...Object.keys(deniedByRule), ...Object.keys(notListed)];
}

const pairOperations = [
  ...[...narrowPermits, ...Object.keys(deniedByRule), ...Object.keys(notListed)],
  ...['chown /tmp/w/free', 'hostname', ...Object.keys(capableNotListed)],
];

/** Returns all policies of the tests, by name. */
function policies(): ReadonlyMap<string, string> {
  const profiles: Record<string, AppArmorProfile> = { ...containers };
  for (const [name, { profile }] of Object.entries(subjects)) {
    profiles[`${name}-enforced`] = profile;
    profiles[`${name}-complaining`] = { ...profile, mode: 'Complain' };
  }
  for (const [index, listCase] of Object.values(listCases).entries()) profiles[`lists-${index}`] = profileOf(listCase);
  const [left, right] = pair;
  Object.assign(profiles, { left, right, both: intersectAppArmor(pair).profile });
  const texts = Object.entries(profiles).map(
    ([name, profile]) => [name, renderAppArmorPolicy(profile, { name })] as const,
  );
  const withDenyRules = Object.entries(subjects).map(
    ([name, { profile }]) => [`${name}-denying`, complainingWithDenyRules(profile, `${name}-denying`)] as const,
  );
  return new Map([...texts, ...withDenyRules]);
}

/**
 * Returns what is tried under each policy: all at once, since the emulated machine takes its time
 * to begin.
 */
function operations(): ReadonlyMap<string, readonly string[]> {
  const tried = new Map<string, readonly string[]>();
  for (const [name, subject] of Object.entries(subjects)) {
    for (const mode of ['enforced', 'complaining', 'denying']) tried.set(`${name}-${mode}`, operationsOn(subject));
  }
  for (const [index, listCase] of Object.values(listCases).entries())
    tried.set(`lists-${index}`, operationsOf(listCase));
  for (const name of ['left', 'right', 'both']) tried.set(name, pairOperations);
  return tried;
}

describePeers([...nodeRequirements, 'apparmor_parser', 'cc'], 'AppArmor policies in the kernel', () => {
  let vm: Vm;
  let attempts: ReadonlyMap<string, Attempt>;

  before(async () => {
    vm = await startVm();
    const guest = await GuestPolicies.load(vm, policies(), 'open-complaining');
    await vm.output(`
      mkdir -p /tmp/w/directory /tmp/w/mounted /tmp/w/remounted /tmp/w/root /tmp/d/data
      for file in w/allowed w/library w/other d/run d/library d/data/run program; do cp /bin/busybox /tmp/$file; done
      for file in w/read w/write w/free d/a d/b d/c d/ac; do echo > /tmp/$file; done
      mount -t tmpfs tmpfs /tmp/w/mounted
      mount -t tmpfs tmpfs /tmp/w/remounted
      mount -t tmpfs tmpfs /tmp/w/root && mkdir /tmp/w/root/old
      mount --bind /tmp/program /sys/kernel/mm/ksm/run
      mount --make-rprivate /`);
    attempts = await guest.attempt(operations());
  });
  const attempt = (policy: string): Attempt => attempts.get(policy) ?? assert.fail(policy);

  after(async () => vm?.stop());

  for (const [name, subject] of Object.entries(subjects)) {
    const { deniedByRule, notListed } = subject;
    const denied = { ...deniedByRule, ...notListed };
    const operations = operationsOn(subject);

    it(`deny when they enforce: ${name}`, () => {
      const { outcomes, events } = attempt(`${name}-enforced`);
      const expected = operations.map((operation) => [operation, operation in denied ? 'denied' : 'done']);
      assert.deepEqual(outcomes, Object.fromEntries(expected));
      for (const [operation, event] of Object.entries(notListed)) {
        assert.ok(
          events.some((one) => one.decision === 'DENIED' && isEvent(one, event)),
          operation,
        );
      }
      for (const [operation, event] of Object.entries(deniedByRule)) {
        assert.ok(!events.some((one) => isEvent(one, event)), `deny rules log nothing: ${operation}`);
      }
    });

    it(`deny nothing in complain mode, and log it: ${name}`, () => {
      const { outcomes, events } = attempt(`${name}-complaining`);
      assert.deepEqual(outcomes, Object.fromEntries(operations.map((operation) => [operation, 'done'])));
      const logged = name === 'open' ? notListed : denied;
      for (const [operation, event] of Object.entries(logged)) {
        const found = events.find((one) => isEvent(one, event));
        assert.equal(found?.decision, 'ALLOWED', `${operation}: ${JSON.stringify(events)}`);
      }
    });

    // Which is why Fairlead writes none there. Execution is the exception: the kernel lets it pass,
    // with a profile made for it.
    it(`would deny in complain mode what a deny rule names, but for execution: ${name}`, () => {
      const { outcomes } = attempt(`${name}-denying`);
      const isDenied = (operation: string): boolean => operation in deniedByRule && !operation.startsWith('execute');
      const expected = operations.map((operation) => [operation, isDenied(operation) ? 'denied' : 'done']);
      assert.deepEqual(outcomes, Object.fromEntries(expected));
    });
  }

  for (const [index, [what, listCase]] of Object.entries(listCases).entries()) {
    it(`do what lint says of the lists: ${what}`, () => {
      const profile = profileOf(listCase);
      const findings = lintAppArmor(profile).filter(({ code }) => code !== 'unspecified-section');
      assert.deepEqual(
        findings.map(({ code, pointer }) => `${code} ${pointer}`),
        listCase.findings,
      );
      const paths = Object.keys(listCase.permitted);
      assert.deepEqual(
        Object.fromEntries(paths.map((path) => [path, permittedOf(attempt(`lists-${index}`), path)])),
        listCase.permitted,
      );
    });
  }

  it('permit of two profiles what both permit, once intersected', () => {
    const [left, right, both] = [attempt('left').outcomes, attempt('right').outcomes, attempt('both').outcomes];
    let done = 0;
    for (const operation of pairOperations) {
      const expected = left[operation] === 'done' && right[operation] === 'done' ? 'done' : 'denied';
      if (expected === 'done') done += 1;
      assert.equal(both[operation], expected, operation);
    }
    assert.ok(done > 8 && done < pairOperations.length / 2, `${done} of ${pairOperations.length}`);
  });

  it('confine a container that runc runs, or only watch it', async () => {
    const script = [
      'echo began',
      'cat /etc/listed',
      'cat /etc/other',
      'echo 1 > /proc/sys/kernel/sysrq && echo written',
      // by a program that is executed by one that is not listed
      `sh -c "sh -c 'mount -t tmpfs tmpfs /dev && echo mounted'"`,
    ].join('; ');
    const outputs: Record<string, string> = {};
    for (const policy of Object.keys(containers)) outputs[policy] = (await runInGuest(vm, policy, script)).stdout;
    assert.deepEqual(outputs, {
      container: 'began\nlisted\n',
      'container-complaining': 'began\nlisted\nother\nwritten\nmounted\n',
      // what the runtime starts is under the policy from then on, and need not be an executable
      // that it lists
      'container-of-nothing': 'began\n',
    });
  });

  describe('by Fairlead as a node runs it', () => {
    let fairlead: string;
    before(async () => {
      fairlead = await installInGuest(vm.job);
    });
    describeLoader(() => ({ vm, fairlead }), containers['container'] ?? assert.fail());
    describeArtifactsOnNode(() => ({ vm, fairlead }));
  });
});
