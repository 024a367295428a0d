import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import fc from 'fast-check';
import { intersectAppArmor } from '#lib/profile/apparmor/intersect';
import type { AppArmorProfile, NetworkRules } from '#lib/profile/apparmor/model';
import { parseAppArmor } from '#lib/profile/apparmor/parse';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import { unionAppArmor } from '#lib/profile/apparmor/union';
import { capabilities } from '#lib/profile/apparmor/vocabulary';
import { readJson } from '#lib/profile/json/read-json';
import { anyProfile, enforcedProfile, operationOn } from '#test/oracle/apparmor-arbitrary';
import { rulesPermit } from '#test/oracle/apparmor-evaluate';
import type { CompiledProfile } from '#test/oracle/apparmor-policy';
import { allNetworkBits, compilePolicy, fileBits } from '#test/oracle/apparmor-policy';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';

const sampled = (numRuns: number) => ({ numRuns, seed: 20_260_911 });

/** Capabilities in the order of their numbers (include/uapi/linux/capability.h). */
const capabilityOrder = [
  ...['chown', 'dac_override', 'dac_read_search', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap'],
  ...['linux_immutable', 'net_bind_service', 'net_broadcast', 'net_admin', 'net_raw', 'ipc_lock', 'ipc_owner'],
  ...['sys_module', 'sys_rawio', 'sys_chroot', 'sys_ptrace', 'sys_pacct', 'sys_admin', 'sys_boot', 'sys_nice'],
  ...['sys_resource', 'sys_time', 'sys_tty_config', 'mknod', 'lease', 'audit_write', 'audit_control', 'setfcap'],
  ...['mac_override', 'mac_admin', 'syslog', 'wake_alarm', 'block_suspend', 'audit_read', 'perfmon', 'bpf'],
  'checkpoint_restore',
];
/**
 * ABI 3.0, for which the policies are compiled, has all but the last: the parser leaves that one
 * out.
 */
const abiCapabilities = (1n << BigInt(capabilityOrder.length - 1)) - 1n;

/** Returns the bits of the capabilities that a policy for the profile must permit. */
function capabilityBits({ capability }: AppArmorProfile): bigint {
  if (capability === undefined) return abiCapabilities;
  const numbers = capability.allowedCapabilities.map((name) => BigInt(capabilityOrder.indexOf(name)));
  return numbers.reduce((bits, number) => bits | (1n << number), 0n) & abiCapabilities;
}

/** AF_* of include/linux/socket.h: AF_UNIX, AF_INET, AF_INET6, and how many there are. */
const [unix, inet, inet6, families] = [1, 2, 10, 46];
/** SOCK_*: from SOCK_STREAM, SOCK_DGRAM, SOCK_RAW to SOCK_PACKET. */
const [stream, dgram, raw, types] = [1, 2, 3, 11];
/** AF_DECnet, which Linux has no more: apparmor_parser knows no raw sockets of it. */
const decnet = 12;

/**
 * Reports whether a policy must permit sockets of a family and a type: `tcp` and `udp` are those of
 * IPv4 and IPv6, `raw` those of every family. Unix sockets come with abstractions/base of the node,
 * as in every container policy.
 */
function permitsSocket(network: NetworkRules | undefined, family: number, type: number): boolean {
  if (network === undefined || family === unix) return true;
  if (type === raw) return network.allowRaw && family !== decnet;
  if (family !== inet && family !== inet6) return false;
  return (type === stream && network.allowTcp) || (type === dgram && network.allowUdp);
}

/**
 * Compares every socket that there can be with what the compiled policy permits: all of its
 * operations, or none.
 */
function assertNetwork(compiled: CompiledProfile | undefined, network: NetworkRules | undefined): void {
  for (let family = 0; family < families; family++) {
    for (let type = 1; type < types; type++) {
      const expected = permitsSocket(network, family, type) ? allNetworkBits : 0;
      const what = `family ${family}, type ${type}: ${JSON.stringify(network)}`;
      assert.equal(compiled?.networkPermissions(family, type), expected, what);
    }
  }
}

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
        // Sockets and capabilities are compared as a whole below.
        if (!('path' in operation)) continue;
        const expected = rulesPermit(profile, operation);
        if (expected) permitted += 1;
        const what = `${JSON.stringify(profile)} ${JSON.stringify(operation)}`;
        const bits = accessBits[operation.kind];
        assert.equal(((compiled[index]?.filePermissions(operation.path) ?? 0) & bits) === bits, expected, what);
      }
      assertNetwork(compiled[index], profile.network);
      assert.equal((compiled[index]?.capabilities ?? 0n) & abiCapabilities, capabilityBits(profile));
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
      assert.equal(both?.capabilities, (a?.capabilities ?? 0n) & (b?.capabilities ?? 0n));
    }
  });

  it('permit the sockets of each combination, of their intersections and of their unions, and no others', () => {
    const flags = [false, true];
    const sections = [
      undefined,
      ...flags.flatMap((allowRaw) =>
        flags.flatMap((allowTcp) => flags.map((allowUdp) => ({ allowRaw, allowTcp, allowUdp }))),
      ),
    ];
    const profiles = sections.map((network): AppArmorProfile => {
      return network === undefined ? { mode: 'Enforce' } : { mode: 'Enforce', network };
    });
    // Most pairs come to the same; it is enough to compile that once.
    const compiled = new Map<string, CompiledProfile | undefined>();
    const pairs = profiles.flatMap((a) => profiles.map((b) => [a, b] as const));
    const merged = pairs.map(([a, b]) => ({ a, b, and: intersectAppArmor([a, b]).profile, or: unionAppArmor([a, b]) }));
    const distinct = new Map(
      [...profiles, ...merged.flatMap(({ and, or }) => [and, or])].map((one) => [JSON.stringify(one), one]),
    );
    const results = compile([...distinct.values()]);
    for (const [index, text] of [...distinct.keys()].entries()) compiled.set(text, results[index]);
    const permissions = (profile: AppArmorProfile, family: number, type: number): number =>
      compiled.get(JSON.stringify(profile))?.networkPermissions(family, type) ?? -1;
    for (const profile of profiles) assertNetwork(compiled.get(JSON.stringify(profile)), profile.network);
    for (const { a, b, and, or } of merged) {
      for (let family = 0; family < families; family++) {
        for (let type = 1; type < types; type++) {
          const [left, right] = [permissions(a, family, type), permissions(b, family, type)];
          const what = `family ${family}, type ${type}: ${JSON.stringify([a, b])}`;
          assert.equal(permissions(and, family, type), left & right, what);
          assert.equal(permissions(or, family, type), left | right, what);
        }
      }
    }
  });

  it('permit each capability that is listed, and no other', () => {
    assert.deepEqual([...capabilityOrder].sort(), [...capabilities].sort());
    const lists = [[], capabilityOrder, ...capabilityOrder.map((name) => [name])];
    const profiles = lists.map((allowedCapabilities): AppArmorProfile => {
      return { mode: 'Enforce', capability: { allowedCapabilities } };
    });
    for (const [index, compiled] of compile(profiles).entries()) {
      const profile = profiles[index];
      assert.ok(profile);
      assert.equal(compiled.capabilities, capabilityBits(profile), lists[index]?.join());
    }
  });

  it('do not grant sys_admin for a capability that the ABI does not know yet', () => {
    const sysAdmin = 1n << BigInt(capabilityOrder.indexOf('sys_admin'));
    for (const [names, granted] of [
      [['bpf', 'checkpoint_restore', 'perfmon'], false],
      [['bpf', 'sys_admin'], true],
    ] as const) {
      const profile: AppArmorProfile = { mode: 'Enforce', capability: { allowedCapabilities: names } };
      const text = renderAppArmorPolicy(profile, { name: 'p' });
      for (const abi of ['3.0', 'kernel-5.4-vanilla']) {
        const [compiled] = compilePolicy(peer('apparmor_parser'), text, abi);
        assert.equal(((compiled?.capabilities ?? 0n) & sysAdmin) !== 0n, granted, `${names} with ABI ${abi}`);
      }
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
    const [open, listed] = compile([runtimeDefaultAppArmor, { mode: 'Enforce', filesystem: everything }]);
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
    // The kernel enforces deny rules in complain mode, too.
    const everyFile: AppArmorProfile = { mode: 'Complain', filesystem: everything };
    const [complaining] = compile([everyFile]);
    for (const path of [...denied, ...left]) {
      assert.notEqual((complaining?.filePermissions(path) ?? 0) & fileBits.write, 0, path);
    }
  });

  it('compile from the example', async () => {
    const file = new URL('../../../examples/apparmor-nginx.json', import.meta.url);
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
