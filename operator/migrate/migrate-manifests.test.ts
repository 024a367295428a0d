import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { migrateManifests } from './migrate-manifests.ts';

const group = 'security-profiles-operator.x-k8s.io';

/** Returns the result of migrating one text. */
function migrated(text: string) {
  const { files, unread } = migrateManifests([{ name: 'a.yaml', text }]);
  assert.deepEqual(unread, []);
  const [file] = files;
  assert.ok(file !== undefined);
  return file;
}

function profile(name: string, namespace: string, more = ''): string {
  return `apiVersion: ${group}/v1beta1
kind: SeccompProfile
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  defaultAction: SCMP_ACT_ERRNO${more}
`;
}

const pod = (path: string) => `apiVersion: v1
kind: Pod
metadata: {name: p, namespace: web}
spec:
  securityContext:
    seccompProfile: {type: Localhost, localhostProfile: ${path}}
  containers: []
`;

describe('migrating manifests', () => {
  it('keeps comments, blank lines and the layout of everything that stays', () => {
    const { text, changes } = migrated(`# The licence

---
# About the profile.
apiVersion: "${group}/v1beta1" # version
kind:   SeccompProfile
metadata:
    name:  nginx      # the name

    # Not the namespace of the pods.
    namespace: web
spec:
    # Until Monday.
    disabled: true    # yes

    # -- actions --

    defaultAction: 'SCMP_ACT_ERRNO'
    syscalls:
    - names: [read,   write]   # a, b
      action: SCMP_ACT_ALLOW
# The end.
`);
    assert.equal(
      text,
      `# The licence

---
# About the profile.
apiVersion: "${group}/v1" # version
kind:   SeccompProfile
metadata:
    name:  nginx      # the name

spec:
    # Until Monday.
    state: Disabled    # yes

    # -- actions --

    defaultAction: 'SCMP_ACT_ERRNO'
    syscalls:
    - names: [read,   write]   # a, b
      action: SCMP_ACT_ALLOW
# The end.
`,
    );
    assert.deepEqual(
      changes.map(({ line, object, from, to }) => [line, object, from, to]),
      [
        [
          5,
          'SeccompProfile web/nginx',
          { pointer: '/apiVersion', value: `"${group}/v1beta1"` },
          { pointer: '/apiVersion', value: `"${group}/v1"` },
        ],
        [11, 'SeccompProfile web/nginx', { pointer: '/metadata/namespace', value: '"web"' }, undefined],
        [
          14,
          'SeccompProfile web/nginx',
          { pointer: '/spec/disabled', value: 'true' },
          { pointer: '/spec/state', value: '"Disabled"' },
        ],
      ],
    );
  });

  it('moves fields into groups with their comments, deeper by what the file indents', () => {
    const { text } = migrated(`apiVersion: ${group}/v1alpha1
kind: SecurityProfilesOperatorDaemon
metadata:
   name: spod
spec:
   # all of them
   tolerations:
   - operator: Exists   # any

   verbosity: 1
   enableSelinux: yes
   selinux:
      typeTag: spc_t # default
   priorityClassName: "high"
`);
    assert.equal(
      text,
      `apiVersion: ${group}/v1
kind: SecurityProfilesOperatorDaemon
metadata:
   name: spod
spec:
   scheduling:
      # all of them
      tolerations:
      - operator: Exists   # any
      priorityClassName: "high"

   verbosity: 1
   selinux:
      typeTag: spc_t # default
      enable: yes
`,
    );
  });

  it('keeps line ends, a missing last line end, JSON with its indentation, and every digit', () => {
    const windows = profile('a', 'web', '\n  disabled: false').replaceAll('\n', '\r\n');
    assert.equal(
      migrated(windows).text,
      windows.replace('v1beta1', 'v1').replace('  namespace: web\r\n', '').replace('disabled: false', 'state: Enabled'),
    );
    assert.match(migrated(profile('a', 'web').trimEnd()).text, /SCMP_ACT_ERRNO$/);
    const value = '9007199254740993';
    const json = `{
\t"kind": "SeccompProfile",
\t"apiVersion": "${group}/v1beta1",
\t"metadata": {
\t\t"name": "a",
\t\t"namespace": "web"
\t},
\t"spec": {
\t\t"syscalls": [
\t\t\t{
\t\t\t\t"names": [
\t\t\t\t\t"read"
\t\t\t\t],
\t\t\t\t"args": [
\t\t\t\t\t{
\t\t\t\t\t\t"index": 0,
\t\t\t\t\t\t"value": ${value}
\t\t\t\t\t}
\t\t\t\t]
\t\t\t}
\t\t]
\t}
}
`;
    assert.equal(migrated(json).text, json.replace('v1beta1', 'v1').replace('"a",\n\t\t"namespace": "web"', '"a"'));
    const flow = `---\n{apiVersion: ${group}/v1beta1, kind: SeccompProfile, metadata: {name: a}, spec: {disabled: true}} # all\n`;
    assert.match(migrated(flow).text, /^---\n\{apiVersion: \S+\/v1, kind: .*spec: \{state: Disabled\}\}/);
  });

  it('leaves other documents alone, whatever they contain', () => {
    const other = `%YAML 1.2
---
a: &x !custom {b: 1}
c: *x
---
not: [valid
---
# nothing
--- # null
~
`;
    assert.equal(migrated(other).text, other);
    const before = `kind: ConfigMap\nx: &x 1\ny: *x\n---\n${profile('a', 'web')}`;
    assert.equal(migrated(before).text, before.replace('v1beta1', 'v1').replace('  namespace: web\n', ''));
  });

  it('reads words and numbers as kubectl does', () => {
    for (const word of ['yes', 'on', 'True']) {
      assert.match(migrated(profile('a', 'web', `\n  disabled: ${word}`)).text, /^ {2}state: Disabled$/m, word);
    }
  });

  it('leaves both profiles alone that would get the same name, and what refers to them', () => {
    const files = [
      { name: 'a.yaml', text: profile('nginx', 'web') },
      { name: 'b.yaml', text: `---\n${profile('nginx', 'shop', '\n  disabled: true')}` },
      { name: 'pod.yaml', text: pod('operator/web/nginx.json') },
      {
        name: 'binding.yaml',
        text: `apiVersion: ${group}/v1alpha1\nkind: ProfileBinding\nmetadata: {name: b, namespace: web}\nspec: {image: x, profileRef: {kind: SeccompProfile, name: nginx}}\n`,
      },
      { name: 'based.yaml', text: profile('other', 'web', '\n  baseProfileName: nginx') },
    ];
    const { files: results } = migrateManifests(files);
    assert.deepEqual(
      results.map(({ text }) => text),
      files.map(({ text }) => text),
    );
    assert.deepEqual(
      results.flatMap(({ decisions }) => decisions.map(({ file, line, code }) => [file, line, code])),
      [
        ['a.yaml', 4, 'name-clash'],
        ['b.yaml', 5, 'name-clash'],
        ['pod.yaml', 6, 'ambiguous-reference'],
        ['binding.yaml', 4, 'ambiguous-reference'],
        ['based.yaml', 8, 'ambiguous-reference'],
      ],
    );
    assert.match(results[0]?.decisions[0]?.message ?? '', /web\/nginx \(a\.yaml:3\) and shop\/nginx \(b\.yaml:4\)$/);
  });

  it('takes equal profiles of several namespaces for one', () => {
    const { files } = migrateManifests([
      { name: 'a.yaml', text: profile('nginx', 'web') },
      { name: 'b.yaml', text: profile('nginx', 'shop', '\n  disabled: false').replace('\n  disabled: false', '') },
    ]);
    assert.deepEqual(
      files.map(({ decisions, notices }) => [decisions.length, notices.map(({ code }) => code)]),
      [
        [0, ['same-profile']],
        [0, ['same-profile']],
      ],
    );
    assert.equal(files[0]?.text, files[1]?.text);
  });

  it('rewrites a reference only if it still means the same profile', () => {
    const shop = { name: 'shop.yaml', text: profile('nginx', 'shop') };
    const codes = (path: string, ...others: (typeof shop)[]) => {
      const { files } = migrateManifests([...others, { name: 'pod.yaml', text: pod(path) }]);
      const file = files.at(-1);
      const found = [...(file?.decisions ?? []), ...(file?.notices ?? [])].map(({ code }) => code);
      return [/localhostProfile: (\S+)\}/.exec(file?.text ?? '')?.[1], ...found];
    };
    assert.deepEqual(codes('operator/shop/nginx.json', shop), ['operator/nginx.json']);
    assert.deepEqual(codes('operator/web/nginx.json', shop), ['operator/web/nginx.json', 'ambiguous-reference']);
    assert.deepEqual(codes('operator/web/nginx.json'), ['operator/nginx.json', 'profile-not-found']);
    assert.deepEqual(codes('operator/nginx.json', shop), ['operator/nginx.json']);
    assert.deepEqual(codes('operator/a/b/nginx.json', shop), ['operator/a/b/nginx.json', 'ambiguous-reference']);
    assert.deepEqual(codes('other/web/nginx.json', shop), ['other/web/nginx.json']);
  });

  it('keeps the namespace of a profile that something could take for another one later', () => {
    const files = [
      { name: 'shop.yaml', text: profile('nginx', 'shop') },
      { name: 'pod.yaml', text: pod('operator/web/nginx.json') },
    ];
    const { files: results } = migrateManifests(files);
    assert.deepEqual(
      results.map(({ text }) => text),
      files.map(({ text }) => text),
    );
    assert.match(results[0]?.decisions[0]?.message ?? '', /Pod web\/p \(pod\.yaml:6\) would run under this profile/);
  });

  it('wants a decision on arguments that v1 cannot hold', () => {
    const withValue = (value: string) =>
      migrated(
        profile(
          'a',
          'web',
          `\n  syscalls: [{names: [read], action: SCMP_ACT_ALLOW, args: [{index: 0, value: ${value}}]}]`,
        ),
      );
    for (const value of ['9223372036854775808', '18446744073709551615', '0xffffffffffffffff', '-1']) {
      const { decisions, changes } = withValue(value);
      assert.deepEqual([decisions.map(({ code }) => code), changes], [['value-out-of-range'], []], value);
      assert.equal(decisions[0]?.pointer, '/spec/syscalls/0/args/0/value');
    }
    assert.deepEqual(withValue('9223372036854775807').decisions, []);
  });

  it('wants a decision on fields that contradict each other', () => {
    const codes = (kind: string, spec: string) =>
      migrated(`apiVersion: ${group}/${kind.startsWith('Sec') && kind !== 'SeccompProfile' ? 'v1alpha1' : 'v1beta1'}
kind: ${kind}
metadata: {name: a}
spec: ${spec}
`).decisions.map(({ code }) => code);
    assert.deepEqual(codes('SeccompProfile', '{disabled: true, state: Enabled}'), ['contradictory-fields']);
    assert.deepEqual(codes('SeccompProfile', '{disabled: false, state: Disabled}'), ['contradictory-fields']);
    assert.deepEqual(codes('SeccompProfile', '{disabled: true, state: Disabled}'), []);
    const daemon = 'SecurityProfilesOperatorDaemon';
    assert.deepEqual(codes(daemon, '{enableSelinux: true, selinux: {enable: false}}'), ['contradictory-fields']);
    assert.deepEqual(
      codes(
        daemon,
        '{disableOciArtifactSignatureVerification: true, security: {disableOciArtifactSignatureVerification: false}}',
      ),
      ['contradictory-fields'],
    );
    assert.deepEqual(codes(daemon, '{enableSelinux: true, selinux: {enable: true}}'), []);
  });

  it("wants a decision on options of SPO's webhooks, on unknown versions, and on SPO's own manifests", () => {
    const cases: [text: string, code: string, line: number][] = [
      [
        `apiVersion: ${group}/v1alpha1\nkind: SecurityProfilesOperatorDaemon\nmetadata: {name: spod}\nspec:\n  webhookOptions:\n  - name: binding.spo.io\n    failurePolicy: Ignore\n`,
        'webhook-options',
        6,
      ],
      [profile('a', 'web').replace('v1beta1', 'v1alpha1'), 'unknown-version', 1],
      [profile('a', 'web').replace('SeccompProfile', 'SelinuxPolicy'), 'unknown-version', 2],
      [
        `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: seccompprofiles.${group}\nspec: {group: ${group}}\n`,
        'operator-manifest',
        4,
      ],
    ];
    for (const [text, code, line] of cases) {
      const result = migrated(text);
      assert.deepEqual([result.decisions.map((each) => [each.code, each.line]), result.text], [[[code, line]], text]);
    }
  });

  it('rewrites SELinux types of pods, and wants a decision on those in policies', () => {
    const selinux = (kind: string, spec: string) =>
      `apiVersion: ${group}/v1alpha2\nkind: ${kind}\nmetadata: {name: log, namespace: ops}\nspec: ${spec}\n`;
    const typed = (type: string) =>
      `kind: Pod\napiVersion: v1\nspec: {securityContext: {seLinuxOptions: {type: ${type}}}}\n`;
    const cases: [text: string, ...codes: string[]][] = [
      [typed('log.process')],
      [typed('container_t')],
      [selinux('SelinuxProfile', '{allow: {container_file_t: {file: [read]}, "@self": {file: [read]}}}')],
      [selinux('SelinuxProfile', '{allow: {other_ops.process: {fd: [use]}}}'), 'type-with-namespace'],
      [selinux('RawSelinuxProfile', '{policy: "(allow process other_ops.process (fd (use)))"}'), 'type-with-namespace'],
      [selinux('RawSelinuxProfile', '{policy: "(allow process other.process (fd (use)))"}')],
    ];
    for (const [text, ...codes] of cases)
      assert.deepEqual(
        migrated(text).decisions.map(({ code }) => code),
        codes,
        text,
      );
    for (const type of ['log_ops.process', 'log_.process'])
      assert.equal(migrated(typed(type)).text, typed('log.process'));
  });

  it('removes what the API server and SPO wrote, and only of objects of SPO', () => {
    const metadata =
      '{name: a, uid: u, finalizers: [in-use-by-active-pods, example.com/keep, n1-deleted], creationTimestamp: null}';
    const exported = (apiVersion: string, kind: string) =>
      `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: ${metadata}\nstatus: {a: 1}\n`;
    const { text, changes } = migrated(exported(`${group}/v1`, 'SeccompProfile'));
    assert.equal(
      text,
      `apiVersion: ${group}/v1\nkind: SeccompProfile\nmetadata: {name: a, finalizers: [example.com/keep]}\n`,
    );
    assert.equal(changes.length, 4);
    const other = `# ${group}\n${exported('apps/v1', 'Deployment')}`;
    assert.equal(migrated(other).text, other);
  });

  it('reports where a file is invalid, if the document may concern SPO, and reads the others', () => {
    const { files, unread } = migrateManifests([
      { name: 'a.yaml', text: `kind: A\n---\n${profile('a', 'web')}  b: [\n` },
      { name: 'b.yaml', text: `kind: A\n---\n${profile('a', 'web')}  b: {{ .Values.x }}\n` },
      { name: 'c.yaml', text: profile('c', 'web') },
    ]);
    assert.deepEqual(
      files.map(({ name }) => name),
      ['c.yaml'],
    );
    assert.deepEqual(
      unread.map(({ file }) => file),
      ['a.yaml', 'b.yaml'],
    );
    assert.match(unread[0]?.error.message ?? '', /^a\.yaml:1[01]:/);
    assert.match(unread[1]?.error.hint ?? '', /helm template/);
  });
});
