import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Change } from './change.ts';
import { diffProfiles } from './diff-profiles.ts';
import type { Finding } from './finding.ts';
import { type ImportOptions, importProfile } from './import-profile.ts';
import { lint } from './lint.ts';
import type { Place } from './place.ts';

const host = { architecture: 'amd64', kernel: '6.1', capabilities: ['CAP_SYS_ADMIN'] } as const;

function read(text: string, options: ImportOptions = {}) {
  return importProfile(Buffer.from(text), 'p', { host, places: true, ...options });
}

/** Returns the word of a text at a place. */
function wordAt(text: string, place: Place | undefined): string {
  assert.ok(place);
  const line = text.split('\n')[place.line - 1] ?? '';
  return line.slice(place.column - 1, place.endColumn - 1);
}

function findings(text: string, options?: ImportOptions): readonly string[] {
  const found = lint(read(text, options)).filter(({ code }) => !/-form$|missing-runtime/.test(code));
  return found.map(({ code, place }: Finding) => `${code} ${place?.pointer} ${wordAt(text, place)}`);
}

function changes(from: string, to: string): readonly string[] {
  const diff = diffProfiles(read(from), read(to), 'SCMP_ARCH_X86_64');
  return diff.changes.map(
    ({ subject, direction, place }: Change) => `${direction} ${subject}: ${place?.pointer} ${wordAt(to, place)}`,
  );
}

const group = 'security-profiles-operator.x-k8s.io/v1';

describe('the places of findings', () => {
  it('are those of the text, whatever its form and layout', () => {
    const entry = '{"names": ["read", "opnat"], "action": "SCMP_ACT_ALLOW"}';
    const flat = `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [${entry}]}`;
    assert.deepEqual(findings(flat), ['unknown-syscall /syscalls/0/names/1 "opnat"']);
    const spread = JSON.stringify(JSON.parse(flat), undefined, 2);
    assert.deepEqual(findings(spread), ['unknown-syscall /syscalls/0/names/1 "opnat"']);
    assert.equal(lint(read(spread)).at(-1)?.place?.line, 7);
    const resource = `apiVersion: ${group}
kind: SeccompProfile
metadata: {name: p}
spec:
  defaultAction: SCMP_ACT_ERRNO
  archMap: []
  syscalls:
    - action: SCMP_ACT_ALLOW
      names:
        - read
        - opnat
`;
    assert.deepEqual(findings(resource), [
      'unknown-field /spec/archMap archMap',
      'unknown-syscall /spec/syscalls/0/names/1 opnat',
    ]);
    const list = `kind: List\napiVersion: v1\nitems:\n${resource.replace(/^/gm, '    ').replace('    api', '  - api')}`;
    assert.deepEqual(findings(list), findings(resource));
    const second = `kind: Deployment\n---\n${resource}`;
    assert.deepEqual(findings(second, { document: '2' }), findings(resource));
  });

  it('are the entries of a Docker profile as it is written, with those that do not hold', () => {
    const text = JSON.stringify(
      {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [
          { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_BPF'] } },
          { name: 'opnat', action: 'SCMP_ACT_ALLOW', coment: 'x' },
        ],
      },
      undefined,
      1,
    );
    assert.deepEqual(findings(text), [
      'unknown-field /syscalls/1/coment "coment"',
      'unknown-syscall /syscalls/1/name "name"',
    ]);
  });

  it('are the paths and sections of AppArmor and SELinux', () => {
    const armor =
      '{"filesystem": {"readWritePaths": ["/tmp/*",\n "/**"]}, "network": {"allowRaw": true}, "executable": {}}';
    assert.deepEqual(
      findings(armor).filter((line) => !line.startsWith('unspecified')),
      [
        'nothing-executable /executable "executable"',
        'raw-sockets /network/allowRaw "allowRaw"',
        'covered-path /filesystem/readWritePaths/0 "/tmp/*"',
        'writes-everywhere /filesystem/readWritePaths/1 "/**"',
      ],
    );
    const resource = `{"apiVersion": "${group}", "kind": "AppArmorProfile", "spec":\n {"abstract": ${armor}}}`;
    assert.ok(
      findings(resource).includes('writes-everywhere /spec/abstract/filesystem/readWritePaths/1 "/**"'),
      findings(resource).join('\n'),
    );
    const selinux = `apiVersion: ${group}
kind: SelinuxProfile
metadata: {name: p}
spec:
  mode: Permissive
  allow:
    var_log_t:
      fil: [open]
`;
    assert.deepEqual(findings(selinux), ['unknown-class /spec/allow/var_log_t/fil fil', 'permissive /spec/mode mode']);
  });

  it('take one pass over a long list, whatever the number of findings', () => {
    const names = Array.from({ length: 16_000 }, (_, index) => `call${index % 4_000}`);
    const syscalls = names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' }));
    const profile = read(JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }, undefined, 1));
    const found = lint(profile);
    assert.ok(found.length >= names.length, String(found.length));
    const began = process.threadCpuUsage();
    lint(profile);
    const { user, system } = process.threadCpuUsage(began);
    assert.ok(user + system < 3_000_000, `${(user + system) / 1000} ms`);
  });
});

describe('the places of changes', () => {
  const rule = (names: readonly string[], action: string, args?: readonly object[]) => ({
    names,
    action: `SCMP_ACT_${action}`,
    ...(args && { args }),
  });
  const seccomp = (defaultAction: string, ...syscalls: readonly object[]) =>
    JSON.stringify({ defaultAction: `SCMP_ACT_${defaultAction}`, syscalls }, undefined, 1);
  const when = (value: number) => [{ index: 0, value, op: 'SCMP_CMP_EQ' }];

  it('are the name in the entry that permits the call', () => {
    const from = seccomp('ERRNO', rule(['read'], 'ALLOW'), rule(['socket'], 'ALLOW', when(1)));
    const to = seccomp(
      'ERRNO',
      rule(['read', 'mount'], 'ALLOW'),
      rule(['socket'], 'ALLOW', when(1)),
      rule(['socket', 'bpf'], 'ALLOW', when(2)),
    );
    assert.deepEqual(changes(from, to), [
      'loosened bpf: /syscalls/2/names/1 "bpf"',
      'loosened mount: /syscalls/0/names/1 "mount"',
      'loosened socket: /syscalls/2/names/0 "socket"',
    ]);
    assert.deepEqual(changes(to, from), [
      'tightened bpf: /defaultAction "defaultAction"',
      'tightened mount: /defaultAction "defaultAction"',
      'tightened socket: /defaultAction "defaultAction"',
    ]);
  });

  it('are the default if that permits the call, and the members that hold for all calls', () => {
    const from = seccomp('ALLOW', rule(['mount'], 'ERRNO'));
    assert.deepEqual(changes(from, seccomp('ALLOW', rule(['bpf'], 'ERRNO'))), [
      'tightened bpf: /syscalls/0/names/0 "bpf"',
      'loosened mount: /defaultAction "defaultAction"',
    ]);
    const whole = JSON.stringify({
      defaultAction: 'SCMP_ACT_LOG',
      flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    });
    const strict = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', flags: ['SECCOMP_FILTER_FLAG_TSYNC'] });
    assert.deepEqual(changes(strict, whole), [
      'loosened defaultAction: /defaultAction "defaultAction"',
      'loosened architectures: /architectures "architectures"',
      'changed flags: /flags/0 "SECCOMP_FILTER_FLAG_LOG"',
      'loosened flags: /flags/1 "SECCOMP_FILTER_FLAG_SPEC_ALLOW"',
    ]);
  });

  it('are the path, protocol or capability of AppArmor, and the section if that permits more', () => {
    const armor = (readOnlyPaths: readonly string[], rest: object) =>
      JSON.stringify({ filesystem: { readOnlyPaths }, executable: { allowedExecutables: ['/bin/sh'] }, ...rest });
    const from = armor(['/etc/a'], { capability: { allowedCapabilities: ['chown'] }, network: {} });
    const to = armor(['/etc/a', '/etc/b'], {
      capability: { allowedCapabilities: ['chown', 'NET_ADMIN'] },
      network: { allowedProtocols: { allowTcp: true } },
    });
    assert.deepEqual(changes(from, to), [
      'loosened read /etc/b: /filesystem/readOnlyPaths/1 "/etc/b"',
      'loosened network tcp: /network/allowedProtocols/allowTcp "allowTcp"',
      'loosened capability net_admin: /capability/allowedCapabilities/1 "NET_ADMIN"',
    ]);
    assert.deepEqual(changes(from, armor(['/etc/a'], { network: {} })), ['loosened capability any:  {']);
  });

  it('are the permission, the inherited policy and the mode of SELinux', () => {
    const selinux = (rest: string) =>
      `apiVersion: ${group}\nkind: SelinuxProfile\nmetadata: {name: p}\nspec:\n  ${rest.replaceAll('\n', '\n  ')}\n`;
    const from = selinux('allow: {var_log_t: {file: [open]}}');
    const to = selinux(`mode: Permissive
inherit: [{name: container}, {name: net_container}]
allow:
  var_log_t:
    file:
      - open
      - write
  process: {process: [fork]}`);
    assert.deepEqual(changes(from, to), [
      'loosened allow @self process fork: /spec/allow/process/process/0 fork',
      'loosened allow var_log_t file write: /spec/allow/var_log_t/file/1 write',
      'loosened inherit System net_container: /spec/inherit/1 {',
      'loosened mode: /spec/mode mode',
    ]);
  });
});
