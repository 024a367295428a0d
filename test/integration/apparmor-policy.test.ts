import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import fc from 'fast-check';
import { intersectAppArmor } from '#lib/profile/apparmor/combine';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { parseAppArmor } from '#lib/profile/apparmor/parse';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import { readJson } from '#lib/profile/json/read-json';
import { anyProfile, enforcedProfile, operationOn } from '#test/oracle/apparmor-arbitrary';
import { rulesPermit } from '#test/oracle/apparmor-evaluate';
import type { CompiledProfile } from '#test/oracle/apparmor-policy';
import { compilePolicy, fileBits } from '#test/oracle/apparmor-policy';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';

const sampled = (numRuns: number) => ({ numRuns, seed: 20_260_911 });

/** Numbers of capabilities (include/uapi/linux/capability.h). */
const capabilityNumbers: Readonly<Record<string, bigint>> = {
  chown: 0n,
  kill: 5n,
  setuid: 7n,
  net_admin: 12n,
  mac_override: 32n,
  perfmon: 38n,
  bpf: 39n,
};

const accessBits = {
  execute: fileBits.execute,
  map: fileBits.map,
  read: fileBits.read,
  write: fileBits.write | fileBits.link | fileBits.lock,
} as const;

function compile(profiles: readonly AppArmorProfile[]): CompiledProfile[] {
  const texts = profiles.map((profile, index) => renderAppArmorPolicy(profile, { name: `p${index}` }));
  // Each text begins with an include of the variables, which one file may have once only.
  const [first = '', ...others] = texts;
  const text = [first, ...others.map((one) => one.replace(/^include .*$/m, ''))].join('');
  const compiled = compilePolicy(peer('apparmor_parser'), text);
  assert.equal(compiled.length, profiles.length);
  return compiled.sort((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1)));
}

describePeers(['apparmor_parser'], 'AppArmor policies and apparmor_parser', () => {
  it('compile, and mean what the profile says', () => {
    const profiles = fc.sample(anyProfile, sampled(80));
    const compiled = compile(profiles);
    let permitted = 0;
    for (const [index, profile] of profiles.entries()) {
      for (const operation of fc.sample(operationOn([profile]), sampled(60))) {
        if (operation.kind === 'network') continue;
        const expected = rulesPermit(profile, operation);
        if (expected) permitted += 1;
        const what = `${JSON.stringify(profile)} ${JSON.stringify(operation)}`;
        if (operation.kind === 'capability') {
          const number = capabilityNumbers[operation.name] ?? 64n;
          assert.equal((((compiled[index]?.capabilities ?? 0n) >> number) & 1n) === 1n, expected, what);
        } else {
          const bits = accessBits[operation.kind];
          assert.equal(((compiled[index]?.filePermissions(operation.path) ?? 0) & bits) === bits, expected, what);
        }
      }
    }
    assert.ok(permitted > 300, `${permitted} operations were permitted`);
  });

  it('are never looser than what each input compiles to, once intersected', () => {
    const pairs = fc.sample(fc.tuple(enforcedProfile, enforcedProfile), sampled(60));
    const all = compile(pairs.flatMap(([a, b]) => [a, b, intersectAppArmor([a, b]).profile]));
    for (const [index, pair] of pairs.entries()) {
      const [a, b, both] = all.slice(index * 3, index * 3 + 3);
      for (const operation of fc.sample(operationOn(pair), sampled(60))) {
        if (!('path' in operation)) continue;
        const bits = (profile: CompiledProfile | undefined) =>
          (profile?.filePermissions(operation.path) ?? 0) & accessBits[operation.kind];
        assert.equal(bits(both) & ~(bits(a) & bits(b)), 0, `${JSON.stringify(pair)} ${operation.path}`);
      }
      const extra = (both?.capabilities ?? 0n) & ~((a?.capabilities ?? 0n) & (b?.capabilities ?? 0n));
      assert.equal(extra, 0n);
    }
  });

  it('keep every printable character in its path', () => {
    const characters = Array.from({ length: 95 }, (_, index) => String.fromCharCode(index + 0x20));
    const names = characters.filter((character) => !'"\\/.'.includes(character));
    const escaped = names.map((character) => ('*?[]{}^,'.includes(character) ? `\\${character}` : character));
    const profiles = escaped.map(
      (text): AppArmorProfile => ({
        mode: 'Enforce',
        executable: { allowedExecutables: [], allowedLibraries: [] },
        filesystem: { readOnlyPaths: [`/x/${text}`, `/y/${text}${text} `], writeOnlyPaths: [], readWritePaths: [] },
      }),
    );
    for (const [index, profile] of compile(profiles).entries()) {
      for (const [other, name] of names.entries()) {
        const found = (path: string) => (profile.filePermissions(path) & fileBits.read) !== 0;
        assert.equal(found(`/x/${name}`), index === other, `/x/${name}`);
        assert.equal(found(`/y/${name}${name} `), index === other, `/y/${name}${name}`);
      }
    }
  });

  it('deny what the default template of runtimes denies, whatever a profile permits', () => {
    const everything = { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: ['/{,**}'] };
    const [open, listed] = compile([runtimeDefaultAppArmor, { mode: 'Complain', filesystem: everything }]);
    const denied = [
      '/proc/sysrq-trigger',
      '/proc/irq/1/smp_affinity',
      '/proc/sysvipc/x',
      '/proc/fs/x',
      '/proc/sys/vm/overcommit_memory',
      '/proc/sys/kernel/core_pattern',
      '/proc/sys/kernel/sysrq',
      '/proc/sys/kernel/modprobe',
      '/sys/kernel/uevent_helper',
      '/sys/devices/x/y',
      '/sys/fs/selinux/enforce',
      '/sys/firmware/efi/efivars/x',
      '/sys/kernel/security/apparmor/.load',
    ];
    const left = ['/proc/1/oom_score_adj', '/proc/sys/kernel/shmmax', '/sys/fs/cgroup/x/cgroup.procs', '/etc/passwd'];
    for (const profile of [open, listed]) {
      const writes = (path: string) => ((profile?.filePermissions(path) ?? 0) & fileBits.write) !== 0;
      for (const path of denied) assert.equal(writes(path), false, path);
      for (const path of left) assert.equal(writes(path), true, path);
      for (const path of ['/proc/kcore', '/sys/firmware/acpi/x', '/sys/devices/virtual/powercap/x']) {
        assert.equal((profile?.filePermissions(path) ?? 0) & fileBits.read, 0, path);
      }
    }
  });

  it('compile from the example', async () => {
    const file = new URL('../../examples/apparmor-nginx.json', import.meta.url);
    const limits = { bytes: 1 << 20, depth: 16, values: 10_000 };
    const { profile } = parseAppArmor(readJson(await readFile(file), 'apparmor-nginx.json', limits));
    const [compiled] = compile([profile]);
    const has = (path: string, bit: number) => ((compiled?.filePermissions(path) ?? 0) & bit) !== 0;
    assert.ok(has('/usr/sbin/nginx', fileBits.execute));
    assert.ok(has('/etc/nginx/nginx.conf', fileBits.read));
    assert.ok(has('/var/log/nginx/access.log', fileBits.write));
    assert.ok(!has('/var/log/nginx/access.log', fileBits.read));
    assert.ok(!has('/etc/shadow', fileBits.write));
    assert.ok(!has('/tmp/x', fileBits.execute));
  });
});
