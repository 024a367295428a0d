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
\t\t"defaultAction": "SCMP_ACT_ERRNO",
\t\t"syscalls": [
\t\t\t{
\t\t\t\t"names": [
\t\t\t\t\t"read"
\t\t\t\t],
\t\t\t\t"action": "SCMP_ACT_ALLOW",
\t\t\t\t"args": [
\t\t\t\t\t{
\t\t\t\t\t\t"index": 0,
\t\t\t\t\t\t"op": "SCMP_CMP_EQ",
\t\t\t\t\t\t"value": ${value}
\t\t\t\t\t}
\t\t\t\t]
\t\t\t}
\t\t]
\t}
}
`;
    assert.equal(migrated(json).text, json.replace('v1beta1', 'v1').replace('"a",\n\t\t"namespace": "web"', '"a"'));
    const flow = `---\n{apiVersion: ${group}/v1beta1, kind: SeccompProfile, metadata: {name: a}, spec: {disabled: true, defaultAction: SCMP_ACT_LOG}} # all\n`;
    assert.match(
      migrated(flow).text,
      /^---\n\{apiVersion: \S+\/v1, kind: .*spec: \{state: Disabled, defaultAction: SCMP_ACT_LOG\}\}/,
    );
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

  it('removes what the API server and SPO wrote, and only of objects of SPO', () => {
    const metadata =
      '{name: a, uid: u, finalizers: [in-use-by-active-pods, example.com/keep, n1-deleted], creationTimestamp: null}';
    const exported = (apiVersion: string, kind: string) =>
      `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: ${metadata}\nstatus: {a: 1}\nspec: {defaultAction: SCMP_ACT_LOG}\n`;
    const { text, changes } = migrated(exported(`${group}/v1`, 'SeccompProfile'));
    assert.equal(
      text,
      `apiVersion: ${group}/v1\nkind: SeccompProfile\nmetadata: {name: a, finalizers: [example.com/keep]}\nspec: {defaultAction: SCMP_ACT_LOG}\n`,
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
      files.map(({ name, decisions }) => [name, ...decisions.map(({ code, line }) => `${code} ${line}`)]),
      [['b.yaml', 'template 2'], ['c.yaml']],
    );
    assert.deepEqual(
      unread.map(({ file }) => file),
      ['a.yaml'],
    );
    assert.match(unread[0]?.error.message ?? '', /^a\.yaml:1[01]:/);
  });

  it('names the way out for a file that is too large', () => {
    const text = profile('a', 'web', `\n  syscalls: [${'a,'.repeat(75_000)}a]`);
    const { unread } = migrateManifests([{ name: 'a.yaml', text }]);
    assert.equal(unread[0]?.error.kind, 'LimitExceeded');
    assert.match(unread[0]?.error.hint ?? '', /^Split the file, or export it as JSON/);
  });
});
