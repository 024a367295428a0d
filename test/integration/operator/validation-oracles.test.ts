import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { capabilities } from '#lib/profile/apparmor/vocabulary';
import { documentOf } from '#lib/profile/json/document-of';
import { readResource } from '#lib/profile/parse-resource';
import type { Profile } from '#lib/profile/profile';
import { profileLimits } from '#lib/profile/read-profile';
import type { SeccompArg, SeccompProfile } from '#lib/profile/seccomp/model';
import { loadViolations } from '#lib/profile/seccomp/read/load-violations';
import { renderCil } from '#lib/profile/selinux/render-cil';
import { globText } from '#test/oracle/apparmor-arbitrary';
import { Libseccomp } from '#test/oracle/load-profile';
import { peer } from '#test/peers/peer';
import { temporaryFolder } from '#test/peers/program';
import { describePeers } from '#test/peers/require';
import { ProbeContainer } from '#test/support/kernel/run-probe';
import { profileObject, validated } from '#test/support/profile-object';
import { usualDefault } from '#test/support/runtime-default';
import { compileProblem } from '#test/support/selinux-compiler';

/** Reads an object as the controllers do. */
function profileOf(object: object): Profile {
  return readResource(documentOf(object, 'object', profileLimits)).profile;
}

function isAccepted(object: Record<string, unknown>): boolean {
  return validated(object).violations.length === 0;
}

describePeers(['apparmor_parser'], 'AppArmor profiles that admission accepts', () => {
  const hostile = fc.constantFrom(
    ...[
      '/a"',
      '/a\n/** rwx,',
      'ptrace (x),',
      '/a,',
      '/a}',
      '/a#b',
      '/a b',
      '/a[^',
      '/../a',
      '',
      '/a\\',
      '@{PROC}/1',
      '@{x}/a',
    ],
    ...[
      '/{a,b}',
      '/[a-z]*',
      '/**/a?',
      '//',
      '/a/./b',
      '/a" rwx, capability sys_admin, "/b',
      '/a\u0000',
      '/é',
      '@{pid}',
    ],
  );
  const paths = fc.array(fc.oneof({ arbitrary: globText, weight: 4 }, hostile), { maxLength: 3 });
  const spec = fc.record({
    mode: fc.constantFrom('Enforce', 'Complain'),
    abstract: fc.record(
      {
        executable: fc.record({ allowedExecutables: paths, allowedLibraries: paths }, { requiredKeys: [] }),
        filesystem: fc.record(
          { readOnlyPaths: paths, writeOnlyPaths: paths, readWritePaths: paths },
          { requiredKeys: [] },
        ),
        network: fc.record(
          { allowRaw: fc.boolean(), allowedProtocols: fc.record({ allowTcp: fc.boolean(), allowUdp: fc.boolean() }) },
          { requiredKeys: [] },
        ),
        capability: fc.record({
          allowedCapabilities: fc.subarray([...capabilities, 'CAP_CHOWN', 'chown,', 'all'], { maxLength: 3 }),
        }),
      },
      { requiredKeys: [] },
    ),
  });
  it('are policies that apparmor_parser compiles', () => {
    // One run of the parser for all: to start it takes longer than to compile one.
    const policies = fc.sample(spec, { numRuns: 150 }).flatMap((value, index) => {
      const object = profileObject('AppArmorProfile', value, `p${index}.example`);
      if (!isAccepted(object)) return [];
      const profile = profileOf(object);
      assert.ok('apparmor' in profile);
      return [renderAppArmorPolicy(profile.apparmor, { name: `p${index}.example` })];
    });
    assert.ok(policies.length > 25, `${policies.length}`);
    const [first = '', ...others] = policies;
    // The variables may be included once in a file.
    const input = [first, ...others.map((policy) => policy.replace(/^include .*$/m, ''))].join('');
    const options = ['--skip-kernel-load', '--skip-cache', '--stdout'];
    const { status, stderr } = spawnSync(peer('apparmor_parser'), options, { input, maxBuffer: 256 * 1024 * 1024 });
    assert.equal(status, 0, `${stderr}\n${input}`);
  });
});

describePeers(['secilc'], 'SELinux profiles that admission accepts', () => {
  const word = fc.constantFrom(
    ...[
      'process',
      'self',
      'var_log_t',
      'proc_t',
      'own_a',
      'own_b',
      'file',
      'dir',
      'read',
      'getattr',
      'all',
      'not',
      'shadow_t',
    ],
    ...['container', 'object_r', 'system_r', 'file_type', 'init_t', '"x"', '((', '))', ';', '; (\n', '\n', '*', 'a.b'],
  );
  const statement = fc.oneof(
    {
      arbitrary: fc.constantFrom('(allow process var_log_t (file (read)))', '(type own_a)', '(type own_b)'),
      weight: 6,
    },
    fc.constantFrom(
      ...['(allow process own_a (dir (read)))', '(roletype object_r own_a)', '(typeattributeset file_type (own_a))'],
      ...[
        '(dontaudit process proc_t (file (getattr)))',
        '(allow process self (process (fork)))',
        '; (comment)\n',
        '; )\n',
      ],
      ...[
        '(typepermissive process)',
        '(in container (allow process init_t (file (read))))',
        ')\n(type evil_t)\n(block x',
      ],
    ),
    fc.array(word, { maxLength: 5 }).map((words) => `(allow ${words.join(' ')})`),
    fc.array(word, { maxLength: 3 }).map((words) => `(${words.join(' ')})`),
  );
  const policy = fc.array(statement, { maxLength: 5 }).map((list) => ['(blockinherit container)', ...list].join('\n'));

  it('are raw policies that secilc compiles, each within its block', () => {
    const modules = fc.sample(policy, { numRuns: 1_500 }).flatMap((text, index) => {
      const object = profileObject('RawSelinuxProfile', { policy: text }, `raw${index}`);
      if (!isAccepted(object)) return [];
      const profile = profileOf(object);
      assert.ok(profile.kind === 'RawSELinux');
      const cil = renderCil(profile.selinux);
      assert.match(cil, /^\(block raw\d+\n(?: {4}\([^;]*\)\n)+\)\n$/);
      return [cil];
    });
    assert.ok(modules.length > 200, `${modules.length}`);
    assert.equal(compileProblem(modules.join('')), '', modules.join(''));
  });
});

describePeers(
  ['cc', 'seccomp.h', 'libseccomp-2.6'],
  'seccomp profiles that admission refuses as no container starts with them',
  () => {
    let directory: string;
    let libseccomps: readonly Libseccomp[];
    before(() => {
      directory = mkdtempSync(path.join(tmpdir(), 'fairlead-load-'));
      libseccomps = [Libseccomp.start(directory, '2.5'), Libseccomp.start(directory, '2.6')];
    });
    after(async () => {
      for (const libseccomp of libseccomps ?? []) await libseccomp.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    const arg: fc.Arbitrary<SeccompArg> = fc.record({
      index: fc.integer({ min: 0, max: 2 }),
      op: fc.constantFrom('SCMP_CMP_EQ', 'SCMP_CMP_NE', 'SCMP_CMP_GE', 'SCMP_CMP_MASKED_EQ'),
      value: fc.constantFrom(0n, 1n, 2n, 0x1_0000_0001n),
      valueTwo: fc.constantFrom(0n, 1n),
    });
    const rule = fc.record({
      names: fc.subarray(['getpgid', 'getsid', 'socket'], { minLength: 1 }),
      action: fc.constantFrom(
        'SCMP_ACT_ALLOW',
        'SCMP_ACT_LOG',
        'SCMP_ACT_ERRNO',
        'SCMP_ACT_KILL',
        'SCMP_ACT_KILL_THREAD',
        'SCMP_ACT_TRACE',
      ),
      args: fc.array(arg, { maxLength: 2 }),
    });
    const entry = fc.oneof(
      rule,
      fc
        .tuple(rule, fc.constantFrom(0, 1, 38, 4094, 4095, 65_536, 65_540))
        .map(([one, errnoRet]) => ({ ...one, errnoRet })),
    );
    const profile: fc.Arbitrary<SeccompProfile> = fc.record({
      defaultAction: fc.constantFrom('SCMP_ACT_ERRNO', 'SCMP_ACT_ALLOW'),
      syscalls: fc.array(entry, { minLength: 1, maxLength: 4 }),
    });

    it('are refused by libseccomp, whichever runtime and version', async () => {
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(profile, fc.constantFrom('runc' as const, 'crun' as const), async (value, runtime) => {
          if (loadViolations(value).length === 0) return;
          refused += 1;
          for (const libseccomp of libseccomps) {
            const loaded = await libseccomp.load(value, runtime);
            assert.ok('error' in loaded && loaded.error.startsWith('error '), JSON.stringify(loaded).slice(0, 200));
          }
        }),
        { numRuns: 2_000 },
      );
      assert.ok(refused > 25, `${refused}`);
    });
  },
);

describePeers(['runc', 'cc', 'root'], 'calls that a listener is to decide over', () => {
  it('keep a container from starting where there is no listener, and in the cases that are warned of', () => {
    const folder = temporaryFolder('notify');
    try {
      const container = new ProbeContainer(folder);
      const { syscalls = [], ...base } = usualDefault({ architecture: 'amd64', capabilities: ['ALL'] });
      const notify = (name: string): SeccompProfile => ({
        ...base,
        syscalls: [
          { names: [name], action: 'SCMP_ACT_NOTIFY' },
          ...syscalls.map((rule) => ({ ...rule, names: rule.names.filter((each) => each !== name) })),
        ],
      });
      const start = (profile: SeccompProfile) => () => container.run(profile, [], 20_000);
      assert.throws(start(notify('swapon')), /listenerPath is not set/);
      const listenerPath = path.join(folder, 'agent.sock');
      assert.throws(start({ ...notify('write'), listenerPath }), /cannot be used for the write syscall/);
      const byDefault: SeccompProfile = { ...base, syscalls, defaultAction: 'SCMP_ACT_NOTIFY', listenerPath };
      assert.throws(start(byDefault), /cannot be used as default action/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
