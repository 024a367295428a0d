import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { convert } from '../conversion/convert.ts';
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

describe('decisions of a migration', () => {
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
          `\n  syscalls: [{names: [read], action: SCMP_ACT_ALLOW, args: [{index: 0, op: SCMP_CMP_EQ, value: ${value}}]}]`,
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
    assert.deepEqual(codes('SeccompProfile', '{disabled: true, state: Enabled, defaultAction: SCMP_ACT_LOG}'), [
      'contradictory-fields',
    ]);
    assert.deepEqual(codes('SeccompProfile', '{disabled: false, state: Disabled, defaultAction: SCMP_ACT_LOG}'), [
      'contradictory-fields',
    ]);
    assert.deepEqual(codes('SeccompProfile', '{disabled: true, state: Disabled, defaultAction: SCMP_ACT_LOG}'), []);
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

  it("notes which daemon is followed, and that options of SPO's webhooks have no effect", () => {
    const daemon = (namespace: string, name: string, options: string) =>
      migrated(
        `apiVersion: ${group}/v1alpha1\nkind: SecurityProfilesOperatorDaemon\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec:\n  ${options}\n`,
      );
    const codes = ({ decisions, notices }: ReturnType<typeof migrated>) =>
      [...decisions, ...notices]
        .filter(({ code }) => !['anyone-may-sign', 'not-supported'].includes(code))
        .map(({ code, line, pointer }) => [code, line, pointer]);
    const flat = 'webhookOptions:\n  - name: binding.spo.io\n    failurePolicy: Ignore';
    const result = daemon('fairlead-system', 'spod', flat);
    assert.deepEqual(codes(result), [['webhook-options', 6, '/spec/webhookOptions/0']]);
    assert.match(result.text, /webhook:\n {4}options:\n {4,6}- name: binding\.spo\.io\n/);
    assert.deepEqual(codes(daemon('fairlead-system', 'spod', 'webhook:\n    options: [{name: recording.spo.io}]')), [
      ['webhook-options', 6, '/spec/webhook/options/0'],
    ]);
    assert.deepEqual(
      codes(daemon('fairlead-system', 'spod', 'webhookOptions: [{name: bindings.spo.io}]')).map(([code]) => code),
      ['refused'],
    );
    assert.deepEqual(codes(daemon('spo', 'spod', 'verbosity: 0')), [['not-followed', 3, '/metadata/namespace']]);
    assert.deepEqual(codes(daemon('fairlead-system', 'other', 'verbosity: 0')), [
      ['not-followed', 3, '/metadata/name'],
    ]);
  });

  it('wants a decision on fields that v1 does not have', () => {
    const found = (kind: string, version: string, text: string) => {
      const source = `apiVersion: ${group}/${version}\nkind: ${kind}\nmetadata: {name: a}\n${text}\n`;
      const result = migrated(source);
      if (result.decisions.length > 0) assert.equal(result.text, source);
      return result.decisions.map(({ code, pointer }) => `${code} ${pointer}`);
    };
    assert.deepEqual(found('SeccompProfile', 'v1beta1', 'spec: {defaultAction: SCMP_ACT_LOG, sycalls: []}'), [
      'unknown-field /spec/sycalls',
    ]);
    assert.deepEqual(
      found(
        'SeccompProfile',
        'v1',
        'spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{names: [read], action: SCMP_ACT_LOG, arguments: []}]}\nsepc: {}',
      ),
      ['unknown-field /sepc', 'unknown-field /spec/syscalls/0/arguments'],
    );
    assert.deepEqual(
      found('SelinuxProfile', 'v1alpha2', 'spec: {permissive: true, allow: {any_t: {file: [read]}}}'),
      [],
    );
    assert.deepEqual(
      found(
        'ProfileBinding',
        'v1',
        'spec: {image: a, profileRef: {kind: SeccompProfile, name: b}, podSelector: {matchLabel: {a: b}}}',
      ),
      ['unknown-field /spec/podSelector/matchLabel'],
    );
  });

  it('wants a decision on a template as long as it has something old', () => {
    const template = (version: string) =>
      `{{- if .Values.on }}\napiVersion: ${group}/${version}\nkind: SeccompProfile\nmetadata:\n  name: {{ .Release.Name }}\n{{- end }}\n`;
    const codes = (text: string) => migrated(text).decisions.map(({ code, line }) => [code, line]);
    assert.deepEqual(codes(template('v1beta1')), [['template', 1]]);
    assert.deepEqual(codes(`${profile('a', 'web')}---\n${template('v1beta1')}`), [['template', 8]]);
    assert.deepEqual(codes(template('v1')), []);
  });

  it('notes old names that it does not rewrite', () => {
    const notes = (text: string) => migrated(text).notices.map(({ code, line, pointer }) => [code, line, pointer]);
    assert.deepEqual(notes('profile: operator/web/nginx.json\n'), [['not-rewritten', 1, '/profile']]);
    assert.equal(migrated('profile: operator/web/nginx.json\n').notices[0]?.object, 'document');
    assert.deepEqual(
      notes(
        `kind: Kustomization\npatches:\n- target: {group: ${group}, version: v1beta1}\n  patch: |-\n    apiVersion: ${group}/v1beta1\n    kind: SeccompProfile\n`,
      ),
      [
        ['not-rewritten', 3, '/patches/0/target/version'],
        ['not-rewritten', 4, '/patches/0/patch'],
      ],
    );
    assert.deepEqual(notes(`note: ${group}/v1\nurl: https://x/security-operator/web/nginx.json\n`), []);
  });

  it('knows profiles of versions that cannot be migrated', () => {
    const { files } = migrateManifests([
      { name: 'a.yaml', text: profile('nginx', 'web').replace('v1beta1', 'v1alpha1') },
      { name: 'pod.yaml', text: pod('operator/web/nginx.json') },
    ]);
    assert.deepEqual(files[1]?.notices, []);
  });

  it("wants a decision on unknown versions, and on SPO's own manifests", () => {
    const cases: [text: string, code: string, line: number][] = [
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
      [selinux('RawSelinuxProfile', '{policy: "(blockinherit container)(allow process other.process (fd (use)))"}')],
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

  it('wants a decision on what Fairlead would refuse, by the settings of the files', () => {
    const daemon = `apiVersion: ${group}/v1alpha1\nkind: SecurityProfilesOperatorDaemon\nmetadata: {name: spod, namespace: s}\nspec: {allowedSyscalls: [read]}\n`;
    const codes = (...texts: string[]) =>
      migrateManifests([{ name: 'a', text: texts.join('---\n') }]).files.flatMap(({ decisions }) =>
        decisions.map(({ code, pointer, message }) => [code, pointer, /read|write|SCMP\w+/.exec(message)?.[0]]),
      );
    const writes = profile('a', 'web', '\n  syscalls: [{names: [write], action: SCMP_ACT_ALLOW}]');
    assert.deepEqual(codes(writes), []);
    assert.deepEqual(codes(writes, daemon), [['refused', '/spec/syscalls/0/names/0', 'write']]);
    assert.deepEqual(codes(profile('a', 'web').replace('SCMP_ACT_ERRNO', 'SCMP_ACT_ERNO')), [
      ['refused', '/spec/defaultAction', 'SCMP_ACT_ERNO'],
    ]);
  });

  it('wants all decisions on an object at once', () => {
    const refused = '\n  syscalls: [{names: [read], action: SCMP_ACT_ALOW}]';
    const { files } = migrateManifests([
      { name: 'a.yaml', text: profile('nginx', 'web', refused) },
      { name: 'b.yaml', text: profile('nginx', 'shop') },
    ]);
    assert.deepEqual(
      files.map(({ decisions }) => decisions.map(({ code, pointer }) => [code, pointer])),
      [
        [
          ['name-clash', '/metadata/name'],
          ['refused', '/spec/syscalls/0/action'],
        ],
        [['name-clash', '/metadata/name']],
      ],
    );
  });

  it('wants a decision on the policy text of an AppArmorProfile of SPO 0.8', () => {
    const source = (version: string) =>
      `apiVersion: ${group}/${version}\nkind: AppArmorProfile\nmetadata: {name: a}\nspec:\n  policy: |\n    profile a {}\n`;
    for (const version of ['v1alpha1', 'v1']) {
      const { decisions, text } = migrated(source(version));
      assert.deepEqual(
        [decisions.map(({ code, line, pointer }) => [code, line, pointer]), text],
        [[['policy-text', 5, '/spec/policy']], source(version)],
      );
      assert.match(decisions[0]?.choices.join() ?? '', /spec\.abstract.*--to apparmor.*apparmor_parser/);
    }
  });

  it('notes that pods of a binding to a SeccompProfile are refused until nodes report the profile', () => {
    const binding = (kind: string) =>
      `apiVersion: ${group}/v1alpha1\nkind: ProfileBinding\nmetadata: {name: b, namespace: web}\nspec: {image: x, profileRef: {kind: ${kind}, name: nginx}}\n`;
    const codes = (kind: string) =>
      migrated(binding(kind)).notices.map(({ code, line, pointer }) => [code, line, pointer]);
    assert.deepEqual(codes('SeccompProfile'), [['refuses-pods', 4, '/spec']]);
    assert.deepEqual(codes('SelinuxProfile'), [['not-supported', 4, '/spec']]);
  });

  it('restores what the conversion webhook carries in an annotation, and wants a decision if that is invalid', () => {
    const spec = {
      image: 'nginx',
      profileRef: { kind: 'SeccompProfile', name: 'a' },
      podSelector: { matchLabels: { app: 'x' } },
    };
    const v1 = { apiVersion: `${group}/v1`, kind: 'ProfileBinding', metadata: { name: 'b', namespace: 'web' }, spec };
    const old = convert(v1, `${group}/v1alpha1`);
    assert.equal('podSelector' in (old['spec'] as object), false);
    assert.deepEqual(JSON.parse(migrated(JSON.stringify(old)).text), v1);
    const broken = JSON.stringify(old).replace(/("fairlead\.dev\/converted-from":)"(?:[^"\\]|\\.)*"/, '$1"{"');
    const { decisions, text } = migrated(broken);
    assert.deepEqual([decisions.map(({ code }) => code), text], [['refused'], broken]);
  });
});
